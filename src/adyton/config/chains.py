"""What differs from chain to chain, by chain id (as v0.10): the LINK token's address, and how deep a block is final."""

from __future__ import annotations

from collections.abc import Mapping

from adyton.domain.chain import Address

LINK: Mapping[int, Address] = {
    1: "0x514910771af9ca656af840dff83e8264ecf986ca",  # Ethereum
    4: "0x01be23585060835e02b77ef475b0cc51aa1e0709",  # Rinkeby
    5: "0x326c977e6efc84e512bb9c30f76e30c160ed06fb",  # Goerli
    10: "0x350a791bfc2c21f9ed5d10980dad2e2638ffa7f6",  # Optimism
    30: "0x14adae34bef7ca957ce2dde5add97ea050123827",  # RSK
    42: "0xa36085f69e2889c224210f603d836748e7dc0088",  # Kovan
    56: "0x404460c6a5ede2d891e8297795264fde62adbb75",  # BSC
    100: "0xe2e73a1c69ecf83f464efce6a5be353a37ca09b2",  # xDai
    128: "0x404460c6a5ede2d891e8297795264fde62adbb75",  # Heco
    137: "0xb0897686c545045afc77cf20ec7a532e3120e0f1",  # Polygon
    250: "0x6f43ff82cca38001b6699a8ac47a2d0e66939407",  # Fantom
    42161: "0xf97f4df75117a78c1a5a0dbb814af92458539fb4",  # Arbitrum
}

FINALITY: Mapping[int, int] = {
    10: 200,  # Optimism: its blocks are two seconds apart and settle with those of Ethereum
    137: 200,  # Polygon
    250: 50,  # Fantom
    80001: 200,  # Mumbai
}
"""Blocks after which a chain counts as settled."""
FINALITY_ELSEWHERE = 50
