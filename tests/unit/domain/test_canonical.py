"""The canonical chain of headers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adyton.domain.canonical import CanonicalChain, Change, Fit, Violation, violation
from adyton.domain.chain import Hash, Head
from support.scripted_rpc import block_hash, make_head


def straight(first: int, last: int, fork: int = 0) -> list[Head]:
    return [make_head(number, fork=fork) for number in range(first, last + 1)]


def chain(first: int = 1, last: int = 5, history: int = 100) -> CanonicalChain:
    return CanonicalChain(history, straight(first, last))


@pytest.mark.parametrize(
    ("head", "fit"),
    [
        (make_head(6), Fit.EXTENDS),
        (make_head(5), Fit.KNOWN),
        (make_head(2), Fit.KNOWN),
        (make_head(5, parent=block_hash(4), fork=1), Fit.FORK),
        (make_head(3, parent=block_hash(2), fork=1), Fit.FORK),
        (make_head(6, fork=1), Fit.GAP),
        (make_head(9), Fit.GAP),
        (make_head(1, fork=1), Fit.GAP),
        (make_head(0), Fit.GAP),
    ],
)
def test_a_header_fits_by_its_parent_and_not_by_its_height(head: Head, fit: Fit) -> None:
    assert chain().fit(head) is fit


def test_anything_is_the_first_header_of_an_empty_chain() -> None:
    empty = CanonicalChain(10)
    assert empty.fit(make_head(7)) is Fit.FIRST
    assert empty.tip is None
    assert empty.root is None
    assert empty.at(7) is None


def test_an_extension_adds_one_header_and_removes_none() -> None:
    heads = chain()
    assert heads.adopt([make_head(6)]) == Change(added=(make_head(6),), ancestor=make_head(5))
    assert heads.tip == make_head(6)


def test_a_fork_replaces_what_follows_the_common_ancestor() -> None:
    heads = chain()
    branch = [make_head(4, parent=block_hash(3), fork=1), make_head(5, fork=1), make_head(6, fork=1)]
    change = heads.adopt(branch)
    assert change == Change(tuple(branch), (make_head(4), make_head(5)), make_head(3))
    assert change.reorganised
    assert heads.heads == (*straight(1, 3), *branch)


def test_a_fork_of_equal_height_counts() -> None:
    heads = chain()
    other = make_head(5, parent=block_hash(4), fork=1)
    assert heads.adopt([other]).removed == (make_head(5),)
    assert heads.tip == other


def test_a_shorter_fork_leaves_no_header_above_it() -> None:
    heads = chain()
    other = make_head(3, parent=block_hash(2), fork=1)
    assert heads.adopt([other]).removed == tuple(straight(3, 5))
    assert heads.at(4) is None


def test_a_branch_without_a_common_ancestor_replaces_everything() -> None:
    heads = chain(10, 15)
    change = heads.adopt(straight(12, 16, fork=1))
    assert change.ancestor is None
    assert change.removed == tuple(straight(12, 15))
    assert heads.heads == tuple(straight(12, 16, fork=1))


def test_headers_that_are_only_too_old_are_forgotten_and_not_removed() -> None:
    heads = chain(1, 5)
    change = heads.adopt([make_head(1000)])
    assert not change.reorganised
    assert heads.heads == (make_head(1000),)


def test_a_rewind_drops_what_is_above() -> None:
    heads = chain()
    assert heads.rewind(3) == Change((), (make_head(4), make_head(5)), make_head(3))
    assert heads.tip == make_head(3)
    with pytest.raises(ValueError, match="block 9 is not kept"):
        heads.rewind(9)


def test_only_the_newest_headers_are_kept() -> None:
    heads = chain(1, 5, history=3)
    heads.adopt([make_head(6), make_head(7)])
    assert [head.number for head in heads.heads] == [5, 6, 7]


def test_stored_headers_that_do_not_hang_together_are_cut_at_the_hole() -> None:
    scattered = [*straight(1, 3), *straight(6, 8), make_head(5, fork=1)]
    assert CanonicalChain(100, scattered).heads == tuple(straight(6, 8))


def test_details_of_a_known_header_are_taken_over() -> None:
    stored = Head(5, block_hash(5), block_hash(4), 1)
    heads = CanonicalChain(10, [stored])
    heads.refresh(make_head(5))
    heads.refresh(make_head(5, fork=1))
    assert heads.tip == make_head(5)


@pytest.mark.parametrize("branch", [[], [make_head(6), make_head(8)], [make_head(6), make_head(7, fork=1)]])
def test_a_branch_that_does_not_hang_together_is_refused(branch: list[Head]) -> None:
    with pytest.raises(ValueError, match="parent of the next"):
        chain().adopt(branch)


def test_a_history_without_blocks_is_refused() -> None:
    with pytest.raises(ValueError, match="history"):
        CanonicalChain(0)


# --- whatever the order ----------------------------------------------------------------------------------------------


@st.composite
def tree_and_order(draw: st.DrawFn) -> tuple[list[Head], list[Head]]:
    """A random block tree grown from one root, and an order of arrival, with repetitions."""
    tree = [make_head(3)]
    for serial in range(draw(st.integers(1, 25))):
        parent = tree[draw(st.integers(max(0, len(tree) - 6), len(tree) - 1))]
        tree.append(make_head(parent.number + 1, parent=parent.hash, fork=serial + 1))
    return tree, draw(st.lists(st.sampled_from(tree), min_size=1, max_size=40))


def path(tree: dict[Hash, Head], head: Head) -> list[Head]:
    found = [head]
    while found[-1].parent_hash in tree:
        found.append(tree[found[-1].parent_hash])
    return found[::-1]


def receive(heads: CanonicalChain, head: Head, tree: dict[Hash, Head]) -> Change:
    """Make ``head`` the tip; missing parents are supplied from the tree."""
    if heads.fit(head) is Fit.KNOWN:
        return heads.rewind(head.number)
    branch = [head]
    while heads.fit(branch[0]) in (Fit.GAP, Fit.FIRST) and branch[0].parent_hash in tree:
        branch.insert(0, tree[branch[0].parent_hash])
    return heads.adopt(branch)


@given(tree_and_order(), st.integers(1, 30))
def test_the_view_is_the_path_from_the_tip_to_the_root_of_the_window(
    world: tuple[list[Head], list[Head]], history: int
) -> None:
    tree = {head.hash: head for head in world[0]}
    heads = CanonicalChain(history)
    for head in world[1]:
        before = {known.hash for known in heads.heads}
        change = receive(heads, head, tree)
        after = path(tree, head)
        assert list(heads.heads) == after[-len(heads.heads) :]
        assert len(heads.heads) <= history
        assert {removed.hash for removed in change.removed} <= before - {known.hash for known in after}
        assert before - {known.hash for known in after} <= {removed.hash for removed in change.removed}


@given(tree_and_order())
def test_the_order_of_arrival_leaves_no_trace_when_the_best_head_comes_last(world: tuple[list[Head], list[Head]]) -> None:
    tree = {head.hash: head for head in world[0]}
    best = max(world[0], key=lambda head: head.number)
    heads = CanonicalChain(100)
    for head in [*world[1], best]:
        receive(heads, head, tree)
    assert list(heads.heads) == path(tree, best)


# --- what finality rules out -----------------------------------------------------------------------------------------

OLD = [Head(number, f"0xa{number}", f"0xa{number - 1}", number) for number in range(900, 1001)]


@pytest.mark.parametrize(
    ("ancestor", "tip", "found"),
    [
        (950, 1001, None),
        (949, 1001, (950, 1000, 51)),
        (949, 960, (950, 1000, 51)),
        (900, 1001, (901, 1000, 100)),
        (1000, 5000, None),
        # Nothing that was kept is left: at least all of it is gone, or all above the new tip.
        (None, 1001, (900, 1000, 101)),
        (None, 5, (6, 1000, 995)),
    ],
)
def test_a_move_that_takes_more_than_finality_is_a_violation(
    ancestor: int | None, tip: int, found: tuple[int, int, int] | None
) -> None:
    left = None if ancestor is None else OLD[ancestor - 900]
    broken = violation(OLD, Head(tip, "0xb", "0x", tip), left, 50)
    assert (None if broken is None else (broken.first, broken.last, broken.depth)) == found


def test_few_blocks_that_are_all_gone_prove_nothing_unless_the_genesis_is_among_them() -> None:
    tip = Head(1001, "0xb", "0x", 1001)
    assert violation(OLD[-50:], tip, None, 50) is None
    assert violation([], tip, None, 50) is None
    genesis = [Head(number, f"0xa{number}", "0x", number) for number in range(3)]
    assert violation(genesis, tip, None, 50) == Violation(0, 2, None)
    assert violation(genesis, tip, genesis[0], 50) is None
