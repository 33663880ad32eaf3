import http from 'node:http'
import { describeError } from '../../../base/errors.ts'
import { listAt, numberAt, objectAt, stringAt } from '../../../base/json.ts'
import type { PodAccess } from '../../contract.ts'
import { ApiError, badRequest, notFound } from '../status.ts'
import type { ObjectStore } from '../store.ts'
import type { Exchange } from './exchange.ts'
import type { ResourceRequest } from './request-info.ts'

/** The proxy subresources: HTTP to a port of a pod or of a Service's endpoints, through the API server. */
export interface ProxyContext {
  readonly store: ObjectStore
  readonly podAccess: PodAccess
  readonly dialPort: (port: number) => number
}

interface Place {
  readonly host: string
  readonly port: number
}

/** The name in the path is `name`, `name:port` or `http:name:port`. TLS to pods is not offered. */
export function proxyRequest(context: ProxyContext, kind: 'pods' | 'services', info: ResourceRequest, exchange: Exchange): Promise<void> {
  const namespace = info.namespace ?? ''
  const parts = info.name.split(':')
  const [scheme, name = '', port = ''] = parts.length === 3 ? parts : ['http', ...parts]
  if (scheme === 'https') throw badRequest('the sandbox proxies plain HTTP only')
  const place = kind === 'pods' ? podPlace(context, namespace, name, port) : servicePlace(context, namespace, name, port)
  return forward(place, `/${info.rest}${exchange.url.search}`, exchange)
}

function podPlace({ store, podAccess, dialPort }: ProxyContext, namespace: string, name: string, port: string): Place {
  const pod = store.get('/pods', namespace, name)
  if (pod === undefined) throw notFound({ group: '', resource: 'pods', kind: 'Pod' }, name)
  const host = podAccess.address(namespace, name)
  if (host === undefined) throw new ApiError(503, 'ServiceUnavailable', `pod "${name}" has no address yet`)
  const ports = listAt(pod, 'spec', 'containers').flatMap((container) => listAt(container, 'ports'))
  const found = port === '' ? ports[0] : ports.find((one) => stringAt(one, 'name') === port)
  const number = numberAt(found, 'containerPort') ?? (port === '' ? 80 : Number(port))
  if (!Number.isInteger(number)) throw badRequest(`no port "${port}" in pod "${name}"`)
  return { host, port: dialPort(number) }
}

function servicePlace({ store, dialPort }: ProxyContext, namespace: string, name: string, port: string): Place {
  const service = store.get('/services', namespace, name)
  if (service === undefined) throw notFound({ group: '', resource: 'services', kind: 'Service' }, name)
  const servicePort = listAt(service, 'spec', 'ports').find((one) => port === '' || stringAt(one, 'name') === port || String(numberAt(one, 'port')) === port)
  const slices = store.list('discovery.k8s.io/endpointslices', namespace).filter((slice) => stringAt(slice, 'metadata', 'labels', 'kubernetes.io/service-name') === name)
  const places = slices.flatMap((slice) => {
    const number = numberAt(listAt(slice, 'ports').find((one) => (stringAt(one, 'name') ?? '') === (stringAt(servicePort, 'name') ?? '')), 'port')
    const ready = listAt(slice, 'endpoints').filter((endpoint) => objectAt(endpoint, 'conditions')['ready'] !== false)
    return number === undefined ? [] : ready.flatMap((endpoint) => listAt(endpoint, 'addresses').filter((host) => typeof host === 'string').map((host) => ({ host, port: dialPort(number) })))
  })
  const place = places[Math.floor(Math.random() * places.length)]
  if (servicePort === undefined || place === undefined) throw new ApiError(503, 'ServiceUnavailable', `no endpoints available for service "${name}"`)
  return place
}

function forward({ host, port }: Place, path: string, { request, response, signal, method }: Exchange): Promise<void> {
  const { authorization: _authorization, host: _host, connection: _connection, ...headers } = request.headers
  return new Promise((resolve, reject) => {
    const upstream = http.request({ host, port, path, method, headers: { ...headers, host: `${host}:${port}` }, signal })
    upstream.on('error', (error) => (response.headersSent ? response.destroy() : reject(new ApiError(503, 'ServiceUnavailable', `error trying to reach service: ${describeError(error)}`))))
    upstream.on('response', (answer) => {
      const { connection: _closing, 'transfer-encoding': _coding, ...shown } = answer.headers
      response.writeHead(answer.statusCode ?? 502, shown)
      answer.pipe(response)
      answer.on('close', resolve)
    })
    request.pipe(upstream)
  })
}
