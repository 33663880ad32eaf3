import { randomUUID } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import { describeError } from '../../../base/errors.ts'
import { isObject, type JsonObject, listAt, numberAt, objectAt, stringAt } from '../../../base/json.ts'
import type { Logger } from '../../../runtime/log.ts'
import { applyJsonPatch } from '../patch/json-patch.ts'
import { ApiError, badRequest, internalError } from '../status.ts'
import type { ObjectStore } from '../store.ts'
import { createWebhookClient, type WebhookClient } from './call.ts'
import { type AdmissionRequest, concerns, evaluateMatchConditions, isExempt, listWebhooks, type Webhook } from './webhook.ts'

/** Admission: mutating webhooks in order, each seeing what the ones before it made, then the validating ones. */
export interface Admission {
  /** The object after all mutating webhooks. `normalize` re-reads and defaults what a webhook returned. Throws ApiError. */
  mutate(request: AdmissionRequest, normalize: (object: JsonObject) => JsonObject, warn: (text: string) => void): Promise<JsonObject | null>
  /** Throws ApiError if a validating webhook refuses. */
  validate(request: AdmissionRequest, warn: (text: string) => void): Promise<void>
  close(): void
}

export function createAdmission(store: ObjectStore, logger: Logger, dialPort: (port: number) => number): Admission {
  const client = createWebhookClient(store, dialPort)
  return {
    mutate: async (request, normalize, warn) => {
      if (isExempt(request)) return request.object
      const webhooks = listWebhooks(store.list('admissionregistration.k8s.io/mutatingwebhookconfigurations'))
      return mutateInTurn({ webhooks, client, logger, warn, normalize }, request)
    },
    validate: async (request, warn) => {
      if (isExempt(request)) return
      const webhooks = listWebhooks(store.list('admissionregistration.k8s.io/validatingwebhookconfigurations'))
      for (const webhook of webhooks) await askOne({ client, logger, warn }, webhook, request)
    },
    close: () => client.close(),
  }
}

interface Turn {
  readonly client: WebhookClient
  readonly logger: Logger
  readonly warn: (text: string) => void
}

async function mutateInTurn(turn: Turn & { readonly webhooks: readonly Webhook[]; readonly normalize: (object: JsonObject) => JsonObject }, request: AdmissionRequest): Promise<JsonObject | null> {
  let object = request.object
  const called = new Set<string>()
  const again = new Set<string>()
  const round = async (webhooks: readonly Webhook[]): Promise<void> => {
    for (const webhook of webhooks) {
      const answer = await askOne(turn, webhook, { ...request, object })
      if (answer === undefined) continue
      const next = patched(turn, webhook, object, answer)
      if (next !== undefined && next !== null) {
        const normal = turn.normalize(next)
        if (!isDeepStrictEqual(normal, object)) for (const earlier of called) again.add(earlier)
        object = normal
      }
      called.add(webhook.id)
    }
  }
  await round(turn.webhooks)
  // Only webhooks that ran already run again, and only if a later one changed what they saw.
  await round(turn.webhooks.filter((webhook) => webhook.reinvokes && again.has(webhook.id)))
  return object
}

/** The object with the webhook's patch; undefined if it sent none. */
function patched(turn: Turn, webhook: Webhook, object: JsonObject | null, answer: JsonObject): JsonObject | null | undefined {
  const patch = stringAt(answer, 'patch')
  if (patch === undefined || patch === '' || object === null) return undefined
  try {
    if (stringAt(answer, 'patchType') !== 'JSONPatch') throw new Error(`unsupported patch type "${stringAt(answer, 'patchType') ?? ''}"`)
    return applyJsonPatch(object, JSON.parse(Buffer.from(patch, 'base64').toString('utf8')))
  } catch (error) {
    failed(turn, webhook, describeError(error))
    return undefined
  }
}

/** The webhook's answer; undefined where it is not concerned, or failed and may. */
async function askOne(turn: Turn, webhook: Webhook, request: AdmissionRequest): Promise<JsonObject | undefined> {
  if (!concerns(webhook, request)) return undefined
  const fields = requestFields(request)
  const verdict = evaluateMatchConditions(webhook, request, fields)
  if (verdict.kind === 'skips') return undefined
  if (verdict.kind === 'fails') {
    if (webhook.failurePolicy === 'Ignore') return failed(turn, webhook, verdict.error)
    throw internalErrorOfConditions(request, verdict.error)
  }
  if (request.dryRun && webhook.sideEffects !== 'None' && webhook.sideEffects !== 'NoneOnDryRun') {
    throw badRequest(`admission webhook "${webhook.name}" does not support dry run`)
  }
  let response: JsonObject
  try {
    const review = { kind: 'AdmissionReview', apiVersion: 'admission.k8s.io/v1', request: { ...fields, object: request.object, oldObject: request.oldObject } }
    response = await turn.client.call(webhook, review)
  } catch (error) {
    return failed(turn, webhook, describeError(error))
  }
  for (const warning of listAt(response, 'warnings')) if (typeof warning === 'string') turn.warn(warning)
  if (response['allowed'] !== true) throw denied(webhook, objectAt(response, 'status'))
  return response
}

const internalErrorOfConditions = (request: AdmissionRequest, error: string): ApiError =>
  new ApiError(403, 'Forbidden', `${request.type.resource}${request.type.group === '' ? '' : `.${request.type.group}`} "${request.name}" is forbidden: ${error}`)

function failed(turn: Turn, webhook: Webhook, why: string): undefined {
  if (webhook.failurePolicy === 'Fail') throw internalError(`failed calling webhook "${webhook.name}": ${why}`)
  turn.logger.warn('webhook failed open', { webhook: webhook.name, error: why })
  return undefined
}

function denied(webhook: Webhook, status: JsonObject): ApiError {
  const message = stringAt(status, 'message') ?? ''
  const reason = stringAt(status, 'reason') ?? ''
  const text = `admission webhook "${webhook.name}" denied the request`
  const code = Math.max(numberAt(status, 'code') ?? 0, 400)
  if (message !== '') return new ApiError(code, reason, `${text}: ${message}`)
  return new ApiError(code, reason, reason === '' ? `${text} without explanation` : `${text}: ${reason}`)
}

/** What `request` holds in a review and in CEL, without the objects. */
function requestFields(request: AdmissionRequest): JsonObject {
  const { type, subresource } = request
  const kind = { group: type.group, version: type.version, kind: type.kind }
  const resource = { group: type.group, version: type.version, resource: type.resource }
  return {
    uid: randomUUID(),
    kind,
    resource,
    ...(subresource === '' ? {} : { subResource: subresource }),
    requestKind: kind,
    requestResource: resource,
    ...(subresource === '' ? {} : { requestSubResource: subresource }),
    ...(request.name === '' ? {} : { name: request.name }),
    ...(request.namespace === undefined ? {} : { namespace: request.namespace }),
    operation: request.operation,
    userInfo: request.userInfo,
    dryRun: request.dryRun,
    options: isObject(request.options) ? request.options : {},
  }
}
