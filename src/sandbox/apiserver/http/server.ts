import type { IncomingMessage, ServerResponse } from 'node:http'
import https from 'node:https'
import { AppError, describeError } from '../../../base/errors.ts'
import type { Logger } from '../../../runtime/log.ts'
import { describeRefusal, type Question } from '../auth/rbac.ts'
import { anonymous, apiAudience, isAuthenticated } from '../auth/tokens.ts'
import { authenticatedGroup, type Caller } from '../caller.ts'
import { ApiError, forbidden, internalError } from '../status.ts'
import { isHealthPath, serveDocument } from './documents.ts'
import { createExchange, type Exchange, sendJson } from './exchange.ts'
import { parsePath, type RequestInfo } from './request-info.ts'
import { isWatch, type ResourceContext, serveResource } from './resources.ts'

/** The HTTPS front: who asks, whether they may, and the answer or a Status. */
export interface FrontOptions {
  readonly context: ResourceContext
  readonly tls: { readonly cert: string; readonly key: string }
  readonly logger: Logger
  readonly signal: AbortSignal
}

export function createFront({ context, tls, logger, signal }: FrontOptions): https.Server {
  const server = https.createServer({ ...tls, minVersion: 'TLSv1.2' }, (request, response) => {
    void serve(context, logger, signal, { request, response })
  })
  // Watches stay open for an hour; clients keep connections for longer than Node's five seconds.
  server.keepAliveTimeout = 180_000
  server.requestTimeout = 0
  return server
}

async function serve(context: ResourceContext, logger: Logger, closing: AbortSignal, { request, response }: { readonly request: IncomingMessage; readonly response: ServerResponse }): Promise<void> {
  const gone = new AbortController()
  response.on('close', () => gone.abort())
  const end = (): void => gone.abort()
  closing.addEventListener('abort', end, { once: true })
  try {
    const caller = impersonated(context, request, identify(context, request))
    await answer(context, createExchange(request, response, caller, gone.signal))
  } catch (error) {
    refuse(response, error, logger)
  } finally {
    closing.removeEventListener('abort', end)
  }
}

async function answer(context: ResourceContext, exchange: Exchange): Promise<void> {
  const info = parsePath(exchange.url.pathname)
  authorize(context, exchange, info)
  if (info.kind === 'resource') return serveResource(context, info, exchange)
  serveDocument(context.catalogue, exchange.request.headers.host ?? '', exchange)
}

function identify({ tokens }: ResourceContext, request: IncomingMessage): Caller {
  const [scheme = '', token = ''] = (request.headers.authorization ?? '').split(' ')
  if (token === '') return anonymous
  const found = scheme.toLowerCase() === 'bearer' ? tokens.authenticate(token, [apiAudience]) : undefined
  if (found === undefined) throw new ApiError(401, 'Unauthorized', 'Unauthorized')
  return found.caller
}

/** `kubectl --as`: the caller whom the request names, if this one may. */
function impersonated({ authorizer }: ResourceContext, request: IncomingMessage, caller: Caller): Caller {
  const user = request.headers['impersonate-user']
  if (typeof user !== 'string') return caller
  const given = request.headersDistinct['impersonate-group'] ?? []
  const question: Question = { verb: 'impersonate', group: '', resource: 'users', subresource: '', namespace: undefined, name: user }
  if (!authorizer.allows(caller, question)) throw forbidden({ group: '', resource: 'users', kind: 'User' }, user, describeRefusal(caller, question))
  const [, , namespace, name] = user.startsWith('system:serviceaccount:') ? user.split(':') : []
  const account = namespace === undefined || name === undefined ? [] : ['system:serviceaccounts', `system:serviceaccounts:${namespace}`]
  return { username: user, groups: [...new Set([...given, ...account, authenticatedGroup])] }
}

const verbs: Readonly<Record<string, string>> = { GET: 'get', HEAD: 'get', POST: 'create', PUT: 'update', PATCH: 'patch', DELETE: 'delete' }

function authorize({ authorizer }: ResourceContext, { caller, method, url }: Exchange, info: RequestInfo): void {
  if (info.kind === 'other') {
    if (isHealthPath(info.path)) return
    if (!isAuthenticated(caller)) throw new ApiError(401, 'Unauthorized', 'Unauthorized')
    const question: Question = { verb: verbs[method] ?? method.toLowerCase(), path: info.path }
    if (!authorizer.allows(caller, question)) throw new ApiError(403, 'Forbidden', `forbidden: ${describeRefusal(caller, question)}`, {})
    return
  }
  if (!isAuthenticated(caller)) throw new ApiError(401, 'Unauthorized', 'Unauthorized')
  const verb = isWatch(url.searchParams) ? 'watch' : collectionVerb(method, info.name !== '')
  const { group, resource, subresource, name } = info
  // A Namespace is judged as an object in itself.
  const namespace = group === '' && resource === 'namespaces' && name !== '' ? name : info.namespace
  const question: Question = { verb, group, resource, subresource, namespace, name }
  if (!authorizer.allows(caller, question)) throw forbidden({ group, resource, kind: resource }, name, describeRefusal(caller, question))
}

function collectionVerb(method: string, hasName: boolean): string {
  const verb = verbs[method] ?? method.toLowerCase()
  if (hasName) return verb
  return verb === 'get' ? 'list' : verb === 'delete' ? 'deletecollection' : verb
}

/** What the store refuses because somebody else was faster, between a request's look and its write. */
function raced(error: unknown): ApiError | undefined {
  if (!(error instanceof AppError)) return undefined
  if (error.code === 'NOT_FOUND') return new ApiError(404, 'NotFound', error.message)
  if (error.code === 'ALREADY_EXISTS') return new ApiError(409, 'AlreadyExists', error.message)
  return error.code === 'CONFLICT' ? new ApiError(409, 'Conflict', error.message) : undefined
}

function refuse(response: ServerResponse, error: unknown, logger: Logger): void {
  const known = error instanceof ApiError ? error : (raced(error) ?? internalError(describeError(error)))
  if (known.reason === 'InternalError' && !(error instanceof ApiError)) logger.error('a request failed', { error: describeError(error), stack: error instanceof Error ? error.stack : undefined })
  if (response.headersSent) response.destroy()
  else sendJson(response, known.httpCode, known.toStatus())
}
