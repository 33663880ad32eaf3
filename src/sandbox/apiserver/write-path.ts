import { isDeepStrictEqual } from 'node:util'
import { AppError } from '../../base/errors.ts'
import { type JsonObject, objectAt, stringAt } from '../../base/json.ts'
import type { Admission } from './admission/admit.ts'
import type { AdmissionRequest } from './admission/webhook.ts'
import { type Caller, userInfoOf } from './caller.ts'
import { fieldSetFromV1 } from './managed-fields/field-set.ts'
import { applyConfiguration, type Ownership, recordUpdate } from './managed-fields/ownership.ts'
import { terminateNamespace } from './namespaces.ts'
import { foregroundFinalizer, orphanFinalizer } from './garbage.ts'
import { bornMetadata, finalizersOf, generateName, isDeleting, nameOf, uidOf, withMetadata } from './object-meta.ts'
import { type FieldValidation, normalizeObject, readObject } from './objects.ts'
import { apiVersionOf, type ResourceType } from './resource-type.ts'
import { resolveSchema } from './schema/built-in.ts'
import { alreadyExists, ApiError, badRequest, conflict, forbidden, invalid, modifiedSince, notFound } from './status.ts'
import type { ObjectStore } from './store.ts'
import { metadataErrors } from './strategies/names.ts'
import { withAccount } from './strategies/pod-account.ts'
import { prepareCreate, prepareUpdate, type Surroundings } from './strategies/prepare.ts'
import { addressErrors } from './strategies/service-address.ts'
import { validateBuiltIn } from './strategies/validation.ts'
import { fromStored, toStored } from './views.ts'

/**
 * Every write goes this way: read → own its fields → mutating webhooks → prepare → validate → validating webhooks → store. A dry
 * run goes all of it but the last step.
 */
export interface WriteTarget {
  readonly type: ResourceType
  readonly namespace: string | undefined
  readonly name: string
  /** '' for the object itself, `status` or `scale`. */
  readonly subresource: string
}

export interface WriteOptions {
  readonly dryRun: boolean
  readonly fieldManager: string
  readonly fieldValidation: FieldValidation
  readonly force: boolean
}

export interface Requester {
  readonly caller: Caller
  readonly warn: (text: string) => void
}

export interface DeleteRequest {
  readonly dryRun: boolean
  readonly gracePeriodSeconds: number | undefined
  readonly propagationPolicy: string | undefined
  readonly preconditions: { readonly uid: string | undefined; readonly resourceVersion: string | undefined }
}

/** What a change makes of the stored object (in the version of the request). Read anew and called again when somebody else was faster. */
export interface Change {
  readonly next: (current: JsonObject) => JsonObject
  /** Given, the change is a server-side apply of this configuration, and `next` is not called. */
  readonly apply?: JsonObject
}

export interface WritePath {
  create(target: WriteTarget, body: unknown, options: WriteOptions, requester: Requester): Promise<JsonObject>
  update(target: WriteTarget, change: Change, options: WriteOptions, requester: Requester): Promise<JsonObject>
  /** The object if it stays for a while, undefined if it is gone. */
  remove(target: WriteTarget, request: DeleteRequest, requester: Requester): Promise<{ readonly object: JsonObject; readonly stays: boolean }>
}

/** Reading again and trying again, as the API server does, before a conflict reaches a client that asked for no version. */
const retries = 5

export function createWritePath(surroundings: Surroundings, admission: Admission, now: () => Date): WritePath {
  return new Writes(surroundings, admission, now)
}

class Writes implements WritePath {
  readonly #surroundings: Surroundings
  readonly #store: ObjectStore
  readonly #admission: Admission
  readonly #now: () => Date

  constructor(surroundings: Surroundings, admission: Admission, now: () => Date) {
    this.#surroundings = surroundings
    this.#store = surroundings.store
    this.#admission = admission
    this.#now = now
  }

  async create(target: WriteTarget, body: unknown, options: WriteOptions, requester: Requester): Promise<JsonObject> {
    const { type } = target
    const read = this.#place(target, readObject(type, body, options.fieldValidation, requester.warn))
    if (stringAt(read, 'metadata', 'resourceVersion')) throw badRequest('resourceVersion should not be set on objects to be created')
    return this.#createRead({ ...target, name: nameOf(read) }, (ownership) => recordUpdate(undefined, read, ownership), 'Update', { options, requester })
  }

  async #createRead(target: WriteTarget, own: (ownership: Ownership) => JsonObject, operation: 'Apply' | 'Update', { options, requester }: Call): Promise<JsonObject> {
    const { type, namespace } = target
    this.#needNamespace(target)
    const owned = own(this.#ownership(target, options, operation))
    const accounted = type.storage === '/pods' ? withAccount(owned, this.#store) : owned
    const request = this.#request('CREATE', target, { object: accounted, oldObject: null }, { options, requester })
    const mutated = (await this.#admission.mutate(request, (object) => normalizeObject(type, object), requester.warn)) ?? accounted
    const named = nameOf(mutated) === '' ? withMetadata(mutated, { name: generateName(stringAt(mutated, 'metadata', 'generateName') ?? '') }) : mutated
    if (nameOf(mutated) === '' && !stringAt(mutated, 'metadata', 'generateName')) throw invalid(type, '', metadataErrors(mutated, type.storage))
    const prepared = prepareCreate(type, named, this.#surroundings)
    this.#validate(type, prepared, undefined)
    await this.#admission.validate({ ...request, name: nameOf(prepared), object: prepared }, requester.warn)
    if (this.#store.get(type.storage, namespace, nameOf(prepared)) !== undefined) throw alreadyExists(type, nameOf(prepared))
    if (options.dryRun) return bornMetadata(type.storage, prepared, this.#now())
    return fromStored(type, this.#store.create(type.storage, toStored(type, prepared)))
  }

  async update(target: WriteTarget, change: Change, options: WriteOptions, requester: Requester): Promise<JsonObject> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.#updateOnce(target, change, options, requester)
      } catch (error) {
        const isStale = error instanceof AppError && error.code === 'CONFLICT' && !(error instanceof ApiError)
        if (!isStale) throw error
        if (attempt === retries) throw conflict(target.type, target.name, modifiedSince)
      }
    }
  }

  async #updateOnce(target: WriteTarget, change: Change, options: WriteOptions, requester: Requester): Promise<JsonObject> {
    const { type, namespace, name } = target
    const stored = this.#store.get(type.storage, namespace, name)
    if (stored === undefined) return this.#updateAbsent(target, change, options, requester)
    const current = fromStored(type, stored)
    const operation = change.apply === undefined ? 'Update' : 'Apply'
    const ownership = this.#ownership(target, options, operation)
    const wanted = change.apply === undefined ? this.#place(target, change.next(current)) : this.#applied(target, change.apply, current, { ...ownership, force: options.force })
    this.#checkVersion(target, wanted, current)
    const scoped = this.#scoped(target, wanted, current)
    const owned = change.apply === undefined ? recordUpdate(current, scoped, ownership) : scoped
    const request = this.#request('UPDATE', target, { object: owned, oldObject: current }, { options, requester })
    const mutated = (await this.#admission.mutate(request, (object) => normalizeObject(type, object), requester.warn)) ?? owned
    const prepared = target.subresource === 'status' ? this.#scoped(target, mutated, current) : prepareUpdate(type, mutated, current, this.#surroundings)
    if (target.subresource !== 'status' || type.custom !== undefined) this.#validate(type, prepared, current)
    await this.#admission.validate({ ...request, object: prepared }, requester.warn)
    if (options.dryRun) return prepared
    return fromStored(type, this.#store.update(type.storage, toStored(type, withMetadata(prepared, { resourceVersion: stringAt(stored, 'metadata', 'resourceVersion') }))))
  }

  /** Apply creates what is not there. */
  async #updateAbsent(target: WriteTarget, change: Change, options: WriteOptions, requester: Requester): Promise<JsonObject> {
    const { type, name } = target
    const applied = change.apply
    if (applied === undefined || target.subresource !== '') throw notFound(type, name)
    const placed = this.#place(target, applied)
    return this.#createRead(target, (ownership) => normalizeObject(type, applyConfiguration(undefined, placed, { ...ownership, force: options.force })), 'Apply', { options, requester })
  }

  #applied(target: WriteTarget, applied: JsonObject, current: JsonObject, ownership: Ownership & { readonly force: boolean }): JsonObject {
    const merged = applyConfiguration(current, this.#place(target, applied), ownership)
    const resourceVersion = stringAt(applied, 'metadata', 'resourceVersion')
    return normalizeObject(target.type, resourceVersion === undefined ? merged : withMetadata(merged, { resourceVersion }))
  }

  async remove(target: WriteTarget, request: DeleteRequest, requester: Requester): Promise<{ readonly object: JsonObject; readonly stays: boolean }> {
    const { type, namespace, name } = target
    const current = this.#store.get(type.storage, namespace, name)
    if (current === undefined) throw notFound(type, name)
    const { uid, resourceVersion } = request.preconditions
    if (uid !== undefined && uid !== stringAt(current, 'metadata', 'uid')) throw conflict(type, name, `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${stringAt(current, 'metadata', 'uid') ?? ''}`)
    if (resourceVersion !== undefined && resourceVersion !== stringAt(current, 'metadata', 'resourceVersion'))
      throw conflict(type, name, `Precondition failed: ResourceVersion in precondition: ${resourceVersion}, ResourceVersion in object meta: ${stringAt(current, 'metadata', 'resourceVersion') ?? ''}`)
    const options: WriteOptions = { dryRun: request.dryRun, fieldManager: '', fieldValidation: 'Ignore', force: false }
    const admission = this.#request('DELETE', target, { object: null, oldObject: fromStored(type, current) }, { options, requester })
    await this.#admission.mutate(admission, (object) => object, requester.warn)
    await this.#admission.validate(admission, requester.warn)
    if (type.storage === '/namespaces' && ['default', 'kube-system', 'kube-public'].includes(name)) throw forbidden(type, name, 'this namespace may not be deleted')
    if (!request.dryRun) this.#delete(target, current, request)
    const found = this.#store.get(type.storage, namespace, name)
    // One of the same name may have been made in its place already.
    const left = found !== undefined && uidOf(found) === uidOf(current) ? found : undefined
    return { object: fromStored(type, left ?? current), stays: left !== undefined && !request.dryRun }
  }

  #delete({ type, namespace, name }: WriteTarget, current: JsonObject, request: DeleteRequest): void {
    if (type.storage === '/namespaces') return terminateNamespace(this.#store, name)
    const wanted = request.propagationPolicy === 'Foreground' ? foregroundFinalizer : request.propagationPolicy === 'Orphan' ? orphanFinalizer : undefined
    if (wanted !== undefined && !finalizersOf(current).includes(wanted)) {
      this.#store.update(type.storage, withMetadata(current, { finalizers: [...finalizersOf(current), wanted], resourceVersion: undefined }))
    }
    this.#store.delete(type.storage, namespace, name, request.gracePeriodSeconds === undefined ? {} : { gracePeriodSeconds: request.gracePeriodSeconds })
  }

  /** The object under the name and namespace of the URL. */
  #place({ type, namespace, name }: WriteTarget, object: JsonObject): JsonObject {
    const given = stringAt(object, 'metadata', 'namespace')
    if (type.namespaced && given !== undefined && given !== '' && given !== namespace) throw badRequest(`the namespace of the provided object does not match the namespace sent on the request`)
    if (name !== '' && nameOf(object) !== '' && nameOf(object) !== name) throw badRequest(`the name of the object (${nameOf(object)}) does not match the name on the URL (${name})`)
    return withMetadata(object, { namespace: type.namespaced ? namespace : undefined, ...(name === '' ? {} : { name }) })
  }

  #needNamespace({ type, namespace, name }: WriteTarget): void {
    if (!type.namespaced || namespace === undefined) return
    const found = this.#store.get('/namespaces', undefined, namespace)
    if (found === undefined) throw notFound({ group: '', resource: 'namespaces', kind: 'Namespace' }, namespace)
    if (isDeleting(found)) throw forbidden(type, name, `unable to create new content in namespace ${namespace} because it is being terminated`)
  }

  #checkVersion({ type, name }: WriteTarget, wanted: JsonObject, current: JsonObject): void {
    const version = stringAt(wanted, 'metadata', 'resourceVersion')
    if (version !== undefined && version !== '' && version !== stringAt(current, 'metadata', 'resourceVersion')) throw conflict(type, name, modifiedSince)
    const uid = stringAt(wanted, 'metadata', 'uid')
    if (uid !== undefined && uid !== '' && uid !== stringAt(current, 'metadata', 'uid')) throw conflict(type, name, `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${stringAt(current, 'metadata', 'uid') ?? ''}`)
  }

  /** A write of the status touches nothing else, and a write of the rest not the status. */
  #scoped({ type, subresource }: WriteTarget, wanted: JsonObject, current: JsonObject): JsonObject {
    const managedFields = objectAt(wanted, 'metadata')['managedFields']
    if (subresource === 'status') {
      const { status: _status, ...rest } = current
      return withMetadata(wanted['status'] === undefined ? rest : { ...rest, status: wanted['status'] }, { managedFields })
    }
    const kept = objectAt(current, 'metadata')
    const identity = withMetadata(wanted, Object.fromEntries(['uid', 'creationTimestamp', 'deletionTimestamp', 'deletionGracePeriodSeconds', 'generation', 'generateName', 'resourceVersion'].map((key) => [key, kept[key]])))
    if (!type.hasStatus) return identity
    const { status: _status, ...bare } = identity
    return current['status'] === undefined ? bare : { ...bare, status: current['status'] }
  }

  #ownership({ type, subresource }: WriteTarget, options: WriteOptions, operation: 'Apply' | 'Update'): Ownership {
    const untouched = subresource === 'status' ? { 'f:spec': {}, 'f:metadata': {} } : type.hasStatus ? { 'f:status': {} } : {}
    return {
      typed: { schema: type.schema, resolve: resolveSchema },
      writer: { manager: options.fieldManager, operation, apiVersion: apiVersionOf(type), subresource },
      now: this.#now(),
      reset: { ...fieldSetFromV1(untouched), member: false },
    }
  }

  #request(operation: AdmissionRequest['operation'], target: WriteTarget, objects: Pick<AdmissionRequest, 'object' | 'oldObject'>, { options, requester }: Call): AdmissionRequest {
    const { type, namespace, name, subresource } = target
    const isNamespace = type.storage === '/namespaces'
    const namespaceObject = isNamespace ? (objects.object ?? objects.oldObject) : this.#store.get('/namespaces', undefined, namespace ?? '')
    const optionKind = operation === 'CREATE' ? 'CreateOptions' : operation === 'UPDATE' ? 'UpdateOptions' : 'DeleteOptions'
    return {
      operation,
      type,
      subresource,
      name,
      ...objects,
      namespace: isNamespace ? name : namespace,
      namespaceLabels: objectAt(namespaceObject ?? {}, 'metadata', 'labels'),
      userInfo: userInfoOf(requester.caller),
      dryRun: options.dryRun,
      options: { kind: optionKind, apiVersion: 'meta.k8s.io/v1', ...(options.fieldManager === '' ? {} : { fieldManager: options.fieldManager }), ...(options.dryRun ? { dryRun: ['All'] } : {}) },
    }
  }

  #validate(type: ResourceType, object: JsonObject, previous: JsonObject | undefined): void {
    const own = type.custom === undefined ? validateBuiltIn(type.storage, object, previous) : type.custom.validate(object, previous)
    const addresses = type.storage === '/services' ? addressErrors(object, this.#store) : []
    const errors = [...metadataErrors(object, type.storage), ...own, ...addresses]
    // An object on its way out may lose its finalizers whatever rules came after it was made.
    const onlyLeaves = previous !== undefined && isDeleting(previous) && isDeepStrictEqual(object['spec'], previous['spec'])
    if (errors.length > 0 && !onlyLeaves) throw invalid(type, nameOf(object), errors)
  }
}

interface Call {
  readonly options: WriteOptions
  readonly requester: Requester
}

