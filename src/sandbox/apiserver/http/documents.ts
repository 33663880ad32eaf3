import type { ServerResponse } from 'node:http'
import type { Catalogue } from '../catalogue.ts'
import { methodNotAllowed, noSuchPath } from '../status.ts'
import { aggregatedList, aggregatedType, coreVersions, groupList, oneGroup, resourceList, wantsAggregated } from './discovery.ts'
import type { Exchange } from './exchange.ts'
import { openApiDocument, openApiIndex } from './openapi.ts'

/** The server's own documents: discovery, version, OpenAPI, health. */

/** The version whose behaviour is imitated. */
const version = { major: '1', minor: '34', gitVersion: 'v1.34.0+kinglet', gitCommit: '', gitTreeState: 'clean', buildDate: '1970-01-01T00:00:00Z', goVersion: process.version, compiler: 'node', platform: `${process.platform}/${process.arch}` }

export const healthPaths = ['/healthz', '/livez', '/readyz']
export const isHealthPath = (path: string): boolean => healthPaths.some((known) => path === known || path.startsWith(`${known}/`))

export function serveDocument(catalogue: Catalogue, address: string, exchange: Exchange): void {
  if (exchange.method !== 'GET' && exchange.method !== 'HEAD') throw methodNotAllowed()
  const path = exchange.url.pathname.replace(/(.)\/$/, '$1')
  if (isHealthPath(path)) return sendText(exchange.response, 'ok')
  if (path === '/version') return exchange.reply(200, version)
  if (path.startsWith('/openapi')) return serveOpenApi(catalogue, path, exchange)
  serveDiscovery(catalogue, address, path, exchange)
}

function sendText(response: ServerResponse, text: string): void {
  response.writeHead(200, { 'content-type': 'text/plain; charset=utf-8' })
  response.end(text)
}

/** An OpenAPI v2 document with nothing in it, as kubectl wants it where v3 does not know a kind: protobuf, field 1 `swagger: "2.0"`. */
const emptyOpenApiV2 = Buffer.from([0x0a, 3, ...Buffer.from('2.0')])
const openApiV2Type = 'application/com.github.proto-openapi.spec.v2.v1.0+protobuf'

function serveOpenApi(catalogue: Catalogue, path: string, exchange: Exchange): void {
  if (path === '/openapi/v2') {
    exchange.response.writeHead(200, { 'content-type': openApiV2Type, 'content-length': emptyOpenApiV2.length })
    exchange.response.end(emptyOpenApiV2)
    return
  }
  const types = catalogue.all()
  if (path === '/openapi/v3') return exchange.reply(200, openApiIndex(types))
  const document = path.startsWith('/openapi/v3/') ? openApiDocument(types, path.slice('/openapi/v3/'.length)) : undefined
  if (document === undefined) throw noSuchPath()
  exchange.reply(200, document)
}

function serveDiscovery(catalogue: Catalogue, address: string, path: string, exchange: Exchange): void {
  const types = catalogue.all()
  const isAggregated = wantsAggregated(exchange.request.headers.accept)
  if ((path === '/api' || path === '/apis') && isAggregated) {
    const body = Buffer.from(JSON.stringify(aggregatedList(types, path === '/api')))
    exchange.response.writeHead(200, { 'content-type': aggregatedType, 'content-length': body.length, vary: 'Accept' })
    exchange.response.end(body)
    return
  }
  const [root, first = '', second = ''] = path.split('/').slice(1)
  const body =
    path === '/api' ? coreVersions(address)
    : path === '/apis' ? groupList(types)
    : root === 'api' ? resourceList(types, '', first)
    : root === 'apis' && second === '' ? oneGroup(types, first)
    : root === 'apis' ? resourceList(types, first, second)
    : path === '' || path === '/' ? { paths: ['/api', '/api/v1', '/apis', ...healthPaths, '/openapi/v3', '/version'] }
    : undefined
  if (body === undefined) throw noSuchPath()
  exchange.reply(200, body)
}
