// An external adapter on the framework that operators use, for the stories. NODE_PATH says where the framework is.
//
// price answers at once; late answers that the answer comes later, and keeps where to; settle sends it to all that wait.

const { expose } = require('@chainlink/external-adapter-framework')
const { Adapter, AdapterEndpoint } = require('@chainlink/external-adapter-framework/adapter')
const { AdapterConfig } = require('@chainlink/external-adapter-framework/config')
const { AdapterInputError } = require('@chainlink/external-adapter-framework/validation/error')
const { InputParameters } = require('@chainlink/external-adapter-framework/validation')

const PRICES = { ETH: 1923.45 }
const waiting = []

const answer = (fields) => ({
  statusCode: 200,
  timestamps: { providerDataRequestedUnixMs: Date.now(), providerDataReceivedUnixMs: Date.now() },
  ...fields,
})

const price = (req) => {
  const base = req.requestContext.data.base
  if (!(base in PRICES)) throw new AdapterInputError({ statusCode: 400, message: `no price of ${base}` })
  return answer({ data: { result: PRICES[base] }, result: PRICES[base] })
}

const late = (req) => {
  waiting.push({ id: req.body.id, url: req.body.responseURL, base: req.requestContext.data.base })
  return answer({ data: {}, result: null, pending: true })
}

const settle = async (req) => {
  const statuses = []
  for (const job of waiting) {
    const price = PRICES[job.base]
    const body = price === undefined ? { error: `no price of ${job.base}` } : { data: { result: price } }
    const sent = await fetch(job.url, {
      method: 'PATCH',
      headers: { 'Content-Type': 'application/json', Authorization: `Bearer ${req.requestContext.data.token}` },
      body: JSON.stringify({ id: job.id, ...body }),
    })
    statuses.push(sent.status)
  }
  return answer({ data: { result: statuses }, result: null })
}

const endpoint = (name, execute, parameter) =>
  new AdapterEndpoint({
    name,
    inputParameters: new InputParameters({ [parameter]: { type: 'string', required: true, description: parameter } }),
    transport: {
      initialize: async (dependencies) => (endpoint.responseCache = dependencies.responseCache),
      get responseCache() {
        return endpoint.responseCache
      },
      foregroundExecute: async (req) => execute(req),
    },
  })

expose(
  new Adapter({
    name: 'STORY',
    defaultEndpoint: 'price',
    config: new AdapterConfig({}),
    endpoints: [endpoint('price', price, 'base'), endpoint('late', late, 'base'), endpoint('settle', settle, 'token')],
  }),
)
