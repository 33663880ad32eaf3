import { isObject, type JsonObject, numberAt, stringAt } from '../../../base/json.ts'
import type { AdmittedWrites, PodAccess } from '../../contract.ts'
import type { Authorizer } from '../auth/rbac.ts'
import { answerReview } from '../auth/reviews.ts'
import type { Tokens } from '../auth/tokens.ts'
import type { Catalogue } from '../catalogue.ts'
import { nameOf, namespaceOf } from '../object-meta.ts'
import { type FieldValidation, readObject } from '../objects.ts'
import type { ResourceType } from '../resource-type.ts'
import { builtInTypes } from '../schema/built-in.ts'
import { badRequest, methodNotAllowed, noSuchPath, notFound } from '../status.ts'
import type { ObjectStore } from '../store.ts'
import { buildTable, includeObject, wantsTable } from '../tables/table.ts'
import { fromStored } from '../views.ts'
import type { DeleteRequest, Requester, WriteOptions, WritePath, WriteTarget } from '../write-path.ts'
import type { Exchange } from './exchange.ts'
import { listBody, listObjects, selectionOf } from './listing.ts'
import { changeOfPatch, isApply, patchFunction } from './patching.ts'
import { proxyRequest } from './proxying.ts'
import type { ResourceRequest } from './request-info.ts'
import { toScale, withScale } from './scale.ts'
import { notInSandbox, serveEviction, serveLog, serveTokenRequest } from './subresources.ts'
import { serveWatch } from './watching.ts'

/** Requests for resources: from verb and path to the write path, the store, or a subresource. */
export interface ResourceContext {
  readonly store: ObjectStore
  readonly catalogue: Catalogue
  readonly writes: WritePath
  readonly tokens: Tokens
  readonly authorizer: Authorizer
  readonly podAccess: PodAccess
  readonly dialPort: (port: number) => number
  readonly now: () => Date
}

export async function serveResource(context: ResourceContext, info: ResourceRequest, exchange: Exchange): Promise<void> {
  const type = context.catalogue.find(info.group, info.version, info.resource)
  if (type === undefined) throw noSuchPath()
  if (type.verbs.length === 1) return serveReview(context, type, info, exchange)
  if (info.name === '') return serveCollection(context, type, info, exchange)
  switch (info.subresource) {
    case '':
      return serveObject(context, type, info, exchange)
    case 'status':
      if (!type.hasStatus) throw noSuchPath()
      return serveObject(context, type, info, exchange)
    case 'scale':
      return serveScale(context, type, info, exchange)
    default:
      return serveSubresource(context, type, info, exchange)
  }
}

async function serveSubresource(context: ResourceContext, type: ResourceType, info: ResourceRequest, exchange: Exchange): Promise<void> {
  const key = `${type.storage}/${info.subresource}`
  switch (key) {
    case '/pods/log':
      return serveLog(context.store, context.podAccess, info, exchange)
    case '/pods/eviction':
      return serveEviction(context.store, context.writes, type, info, exchange)
    case '/serviceaccounts/token':
      return serveTokenRequest(context.store, context.tokens, type, info, exchange)
    case '/pods/proxy':
    case '/services/proxy':
      return proxyRequest(context, type.storage === '/pods' ? 'pods' : 'services', info, exchange)
    case '/pods/exec':
    case '/pods/attach':
    case '/pods/portforward':
      throw notInSandbox(info.subresource)
    default:
      throw noSuchPath()
  }
}

async function serveReview(context: ResourceContext, type: ResourceType, info: ResourceRequest, exchange: Exchange): Promise<void> {
  if (exchange.method !== 'POST') throw methodNotAllowed()
  const review = readObject(type, await exchange.readBody(), 'Ignore', exchange.warn)
  exchange.reply(201, answerReview(type.resource, review, { ...context, caller: exchange.caller, namespace: info.namespace }))
}

async function serveCollection(context: ResourceContext, type: ResourceType, info: ResourceRequest, exchange: Exchange): Promise<void> {
  const { store, writes, now } = context
  const query = exchange.url.searchParams
  switch (exchange.method) {
    case 'HEAD':
    case 'GET': {
      if (isWatch(query)) return serveWatch(store, { type, namespace: info.namespace, selects: selectionOf(type, query), table: tableOf(exchange) }, exchange, now)
      const listed = listObjects(store, type, info.namespace, query)
      const include = tableOf(exchange)
      return exchange.reply(200, include === undefined ? listBody(type, listed) : buildTable(type, listed.items, { metadata: listed.metadata, include, now: now(), withColumns: true }))
    }
    case 'POST': {
      if (type.namespaced && info.namespace === undefined) throw methodNotAllowed()
      const created = await writes.create(targetOf(type, { ...info, name: '' }), await exchange.readBody(), optionsOf(exchange), requesterOf(exchange))
      return replyObject(context, type, exchange, 201, created)
    }
    case 'DELETE':
      return deleteCollection(context, type, info, exchange)
    default:
      throw methodNotAllowed()
  }
}

export const isWatch = (query: URLSearchParams): boolean => query.get('watch') === 'true' || query.get('watch') === '1'

async function deleteCollection({ store, writes }: ResourceContext, type: ResourceType, info: ResourceRequest, exchange: Exchange): Promise<void> {
  const request = deleteRequest(await exchange.readBody(), exchange)
  const listed = listObjects(store, type, info.namespace, exchange.url.searchParams)
  for (const object of listed.items) await writes.remove({ ...targetOf(type, info), namespace: namespaceOf(object), name: nameOf(object) }, request, requesterOf(exchange))
  exchange.reply(200, listBody(type, listed))
}

async function serveObject(context: ResourceContext, type: ResourceType, info: ResourceRequest, exchange: Exchange): Promise<void> {
  const { store, writes } = context
  const target = targetOf(type, info)
  const query = exchange.url.searchParams
  switch (exchange.method) {
    case 'HEAD':
    case 'GET':
      if (isWatch(query)) return serveWatch(store, { type, namespace: info.namespace, selects: selectionOf(type, query, info.name), table: tableOf(exchange) }, exchange, context.now)
      return replyObject(context, type, exchange, 200, readOne(store, target))
    case 'PUT': {
      const body = await exchange.readBody()
      const options = optionsOf(exchange)
      const updated = await writes.update(target, { next: () => readObject(type, body, options.fieldValidation, exchange.warn) }, options, requesterOf(exchange))
      return replyObject(context, type, exchange, 200, updated)
    }
    case 'PATCH': {
      const contentType = exchange.request.headers['content-type']
      const options = optionsOf(exchange)
      const isNew = store.get(type.storage, target.namespace, target.name) === undefined
      const change = changeOfPatch(type, contentType, await exchange.readBody(), options, exchange.warn)
      return replyObject(context, type, exchange, isNew && isApply(contentType) ? 201 : 200, await writes.update(target, change, options, requesterOf(exchange)))
    }
    case 'DELETE':
      if (info.subresource !== '') throw methodNotAllowed()
      return deleteOne(context, target, exchange)
    default:
      throw methodNotAllowed()
  }
}

function readOne(store: ObjectStore, { type, namespace, name }: WriteTarget): JsonObject {
  const object = store.get(type.storage, namespace, name)
  if (object === undefined) throw notFound(type, name)
  return fromStored(type, object)
}

async function deleteOne({ writes }: ResourceContext, target: WriteTarget, exchange: Exchange): Promise<void> {
  const { object, stays } = await writes.remove(target, deleteRequest(await exchange.readBody(), exchange), requesterOf(exchange))
  if (stays) return exchange.reply(200, object)
  const { type, name } = target
  const details = { name, ...(type.group === '' ? {} : { group: type.group }), kind: type.resource, uid: stringAt(object, 'metadata', 'uid') }
  exchange.reply(200, { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', details })
}

async function serveScale(context: ResourceContext, type: ResourceType, info: ResourceRequest, exchange: Exchange): Promise<void> {
  const paths = type.scale
  if (paths === undefined) throw noSuchPath()
  const target = targetOf(type, info)
  const options = optionsOf(exchange)
  switch (exchange.method) {
    case 'GET':
      return exchange.reply(200, toScale(readOne(context.store, target), paths))
    case 'PUT': {
      const body = await exchange.readBody()
      const updated = await context.writes.update(target, { next: (current) => withScale(type, current, body, paths) }, options, requesterOf(exchange))
      return exchange.reply(200, toScale(updated, paths))
    }
    case 'PATCH': {
      const contentType = exchange.request.headers['content-type']
      if (isApply(contentType)) throw badRequest('server-side apply of the scale subresource is not part of the sandbox')
      const patch = patchFunction(contentType, await exchange.readBody(), builtInTypes.get('io.k8s.api.autoscaling.v1.Scale') ?? {}, false)
      const updated = await context.writes.update(target, { next: (current) => withScale(type, current, patch(toScale(current, paths)), paths) }, options, requesterOf(exchange))
      return exchange.reply(200, toScale(updated, paths))
    }
    default:
      throw methodNotAllowed()
  }
}

const targetOf = (type: ResourceType, info: ResourceRequest): WriteTarget => ({ type, namespace: info.namespace, name: info.name, subresource: info.subresource })

const requesterOf = (exchange: Exchange): Requester => ({ caller: exchange.caller, warn: exchange.warn })

function optionsOf(exchange: Exchange): WriteOptions {
  const query = exchange.url.searchParams
  const agent = exchange.request.headers['user-agent'] ?? 'unknown'
  const dryRun = query.get('dryRun')
  if (dryRun !== null && dryRun !== 'All') throw badRequest(`invalid dryRun: "${dryRun}": supported values: "All"`)
  const isApplied = isApply(exchange.request.headers['content-type'])
  const validation = query.get('fieldValidation')
  return {
    dryRun: dryRun === 'All',
    fieldManager: query.get('fieldManager') ?? (isApplied ? '' : (agent.split('/')[0] ?? 'unknown')),
    fieldValidation: validation === 'Ignore' || validation === 'Strict' ? validation : ('Warn' satisfies FieldValidation),
    force: query.get('force') === 'true',
  }
}

/** Options come in the body, or in the query for clients that send none. */
function deleteRequest(body: unknown, exchange: Exchange): DeleteRequest {
  const query = exchange.url.searchParams
  const options = isObject(body) ? body : {}
  const seconds = numberAt(options, 'gracePeriodSeconds') ?? (query.has('gracePeriodSeconds') ? Number(query.get('gracePeriodSeconds')) : undefined)
  const dryRun = options['dryRun']
  return {
    dryRun: (Array.isArray(dryRun) && dryRun.includes('All')) || query.get('dryRun') === 'All',
    gracePeriodSeconds: seconds,
    propagationPolicy: stringAt(options, 'propagationPolicy') ?? query.get('propagationPolicy') ?? undefined,
    preconditions: { uid: stringAt(options, 'preconditions', 'uid'), resourceVersion: stringAt(options, 'preconditions', 'resourceVersion') },
  }
}

const tableOf = (exchange: Exchange): ReturnType<typeof includeObject> | undefined => (wantsTable(exchange.request.headers.accept) ? includeObject(exchange.url.searchParams.get('includeObject')) : undefined)

function replyObject({ now }: ResourceContext, type: ResourceType, exchange: Exchange, code: number, object: JsonObject): void {
  const include = tableOf(exchange)
  const metadata = { resourceVersion: stringAt(object, 'metadata', 'resourceVersion') }
  exchange.reply(code, include === undefined ? object : buildTable(type, [object], { metadata, include, now: now(), withColumns: true }))
}

/** The write path for controllers in this process. */
export function admittedWrites({ catalogue, writes }: ResourceContext, callerOf: (user: string) => Requester['caller']): AdmittedWrites {
  return {
    create: async (resource, object, user) => {
      const type = catalogue.all().find((candidate) => candidate.storage === resource)
      if (type === undefined) throw noSuchPath()
      const target = { type, namespace: namespaceOf(object), name: '', subresource: '' }
      const options: WriteOptions = { dryRun: false, fieldManager: 'kube-controller-manager', fieldValidation: 'Ignore', force: false }
      return writes.create(target, object, options, { caller: callerOf(user), warn: () => undefined })
    },
  }
}
