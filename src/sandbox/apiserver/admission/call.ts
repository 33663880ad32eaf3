import https from 'node:https'
import { describeError } from '../../../base/errors.ts'
import { isObject, type JsonObject, listAt, numberAt, objectAt, stringAt } from '../../../base/json.ts'
import type { ObjectStore } from '../store.ts'
import type { Webhook } from './webhook.ts'

/**
 * Calls webhooks over TLS: a Service by one of its ready endpoints with server name `<service>.<namespace>.svc`, or a URL; trusted
 * is the caBundle alone. Connections are kept and reused, HTTP/1.1, as the API server does.
 */
export interface WebhookClient {
  /** The `response` of the AdmissionReview. Rejects with Error whose text says how the call failed. */
  call(webhook: Webhook, review: JsonObject): Promise<JsonObject>
  close(): void
}

interface Destination {
  readonly url: URL
  /** The URL as failures show it. */
  readonly shown: string
  readonly host: string
  readonly port: number
  readonly servername: string
  readonly ca: string | undefined
}

/** Answers hold patches of one object; this is the API server's own bound for requests. */
const answerLimitBytes = 3 * 1024 * 1024
/** One agent per webhook's place and CA; caBundles rotate, so old ones are dropped. */
const agentLimit = 64

/** `dialPort` is the port on which a pod's port really listens. */
export function createWebhookClient(store: ObjectStore, dialPort: (port: number) => number): WebhookClient {
  const agents = new Map<string, https.Agent>()
  const agentFor = ({ servername, ca }: Destination): https.Agent => {
    const key = `${servername}\n${ca ?? ''}`
    const known = agents.get(key)
    if (known !== undefined) return known
    const oldest = agents.keys().next().value
    if (agents.size >= agentLimit && oldest !== undefined) {
      agents.get(oldest)?.destroy()
      agents.delete(oldest)
    }
    const agent = new https.Agent({ keepAlive: true, timeout: 90_000, maxFreeSockets: 4 })
    agents.set(key, agent)
    return agent
  }
  return {
    call: async (webhook, review) => {
      const destination = locate(store, webhook, dialPort)
      const answer = await post(destination, agentFor(destination), review, webhook.timeoutSeconds)
      return readReview(answer, stringAt(review, 'request', 'uid') ?? '')
    },
    close: () => {
      for (const agent of agents.values()) agent.destroy()
    },
  }
}

function locate(store: ObjectStore, { config, timeoutSeconds }: Webhook, dialPort: (port: number) => number): Destination {
  const clientConfig = objectAt(config, 'clientConfig')
  const bundle = stringAt(clientConfig, 'caBundle')
  const ca = bundle === undefined || bundle === '' ? undefined : Buffer.from(bundle, 'base64').toString('utf8')
  const address = stringAt(clientConfig, 'url')
  if (address !== undefined) {
    const url = new URL(address)
    return { url, shown: `${url.origin}${url.pathname}?timeout=${timeoutSeconds}s`, host: url.hostname, port: Number(url.port || 443), servername: url.hostname, ca }
  }
  const service = objectAt(clientConfig, 'service')
  const namespace = stringAt(service, 'namespace') ?? ''
  const name = stringAt(service, 'name') ?? ''
  const port = numberAt(service, 'port') ?? 443
  const servername = `${name}.${namespace}.svc`
  const target = `https://${servername}:${port}${stringAt(service, 'path') ?? '/'}`
  const shown = `${target}?timeout=${timeoutSeconds}s`
  const endpoint = pickEndpoint(store, { namespace, name, port, shown })
  return { url: new URL(target), shown, host: endpoint.address, port: dialPort(endpoint.port), servername, ca }
}

interface ServicePlace {
  readonly namespace: string
  readonly name: string
  readonly port: number
  readonly shown: string
}

function pickEndpoint(store: ObjectStore, { namespace, name, port, shown }: ServicePlace): { readonly address: string; readonly port: number } {
  const failure = (why: string): Error => new Error(`failed to call webhook: Post "${shown}": ${why}`)
  const service = store.get('/services', namespace, name)
  if (service === undefined) throw failure(`service "${name}" not found`)
  const servicePort = listAt(service, 'spec', 'ports').find((candidate) => numberAt(candidate, 'port') === port)
  if (servicePort === undefined) throw failure(`service "${name}" has no port ${port}`)
  const slices = store.list('discovery.k8s.io/endpointslices', namespace).filter((slice) => stringAt(slice, 'metadata', 'labels', 'kubernetes.io/service-name') === name)
  const ready = slices.flatMap((slice) => {
    const slicePort = listAt(slice, 'ports').find((candidate) => (stringAt(candidate, 'name') ?? '') === (stringAt(servicePort, 'name') ?? ''))
    const number = numberAt(slicePort, 'port')
    if (number === undefined) return []
    const endpoints = listAt(slice, 'endpoints').filter((endpoint) => objectAt(endpoint, 'conditions')['ready'] !== false)
    return endpoints.flatMap((endpoint) => listAt(endpoint, 'addresses').filter((address) => typeof address === 'string').map((address) => ({ address, port: number })))
  })
  const picked = ready[Math.floor(Math.random() * ready.length)]
  if (picked === undefined) throw failure(`no endpoints available for service "${name}"`)
  return picked
}

function post(destination: Destination, agent: https.Agent, review: JsonObject, timeoutSeconds: number): Promise<string> {
  const { url, host, port, servername, ca } = destination
  const shown = `Post "${destination.shown}"`
  const body = JSON.stringify(review)
  const headers = { 'content-type': 'application/json', accept: 'application/json', host: url.host, 'content-length': Buffer.byteLength(body), 'user-agent': 'kube-apiserver-admission' }
  const query = url.search === '' ? `?timeout=${timeoutSeconds}s` : `${url.search}&timeout=${timeoutSeconds}s`
  const isName = !/^[\d.]+$|:/.test(servername)
  return new Promise((resolve, reject) => {
    const fail = (why: string): void => reject(new Error(`failed to call webhook: ${shown}: ${why}`))
    const request = https.request({
      agent,
      host,
      port,
      path: `${url.pathname}${query}`,
      method: 'POST',
      headers,
      ...(isName ? { servername } : {}),
      ...(ca === undefined ? {} : { ca }),
      signal: AbortSignal.timeout(timeoutSeconds * 1000),
    })
    request.on('error', (error) => {
      // A kept connection that the webhook had closed meanwhile: nothing was asked yet, so the API server asks again, and so do we.
      if (request.reusedSocket && 'code' in error && error.code === 'ECONNRESET') resolve(post(destination, agent, review, timeoutSeconds))
      else fail(error.name === 'AbortError' || error.name === 'TimeoutError' ? 'context deadline exceeded' : describeError(error))
    })
    request.on('response', (response) => {
      const parts: Buffer[] = []
      let size = 0
      response.on('data', (part: Buffer) => {
        size += part.length
        if (size > answerLimitBytes) response.destroy(new Error('the answer is too large'))
        else parts.push(part)
      })
      response.on('error', (error) => fail(describeError(error)))
      response.on('end', () => {
        const text = Buffer.concat(parts).toString('utf8')
        if (response.statusCode === 200) resolve(text)
        else reject(new Error(`failed to call webhook: the server could not answer: ${response.statusCode ?? 0} ${text.slice(0, 200)}`))
      })
    })
    request.end(body)
  })
}

function readReview(text: string, uid: string): JsonObject {
  let review: unknown
  try {
    review = JSON.parse(text)
  } catch {
    throw new Error('failed to call webhook: the answer is no JSON')
  }
  const response = objectAt(review, 'response')
  if (!isObject(review) || stringAt(review, 'kind') !== 'AdmissionReview' || Object.keys(response).length === 0) throw new Error('failed to call webhook: the answer is no AdmissionReview with a response')
  if (stringAt(response, 'uid') !== uid) throw new Error(`failed to call webhook: expected response.uid="${uid}", got "${stringAt(response, 'uid') ?? ''}"`)
  return response
}
