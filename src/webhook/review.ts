import { createPatch, type Operation, type Pointer } from 'rfc6902'
import { describeError } from '../base/errors.ts'
import { isObject, objectAt, stringAt, type JsonObject } from '../base/json.ts'
import type { Mutate, Mutation } from './mutation.ts'

/** admission.k8s.io/v1: the question and the answer. Pure. */

export interface Question {
  readonly uid: string
  readonly user: string
  readonly kind: string
  readonly namespace: string
  readonly name: string
  readonly operation: string
  readonly dryRun: boolean
  readonly object: JsonObject
  readonly old: JsonObject | undefined
}

export interface Answer {
  readonly review: JsonObject
  /** Operations in the patch. */
  readonly changes: number
  readonly warnings: readonly string[]
  /** What went wrong inside; the write passes all the same. */
  readonly fault: string | undefined
}

/** The question in a request's body; undefined where it is no AdmissionReview that can be answered. */
export function readReview(body: unknown): Question | undefined {
  const request = isObject(body) ? body['request'] : undefined
  const uid = stringAt(request, 'uid')
  if (stringAt(body, 'kind') !== 'AdmissionReview' || !isObject(request) || uid === undefined || uid === '') return undefined
  const old = request['oldObject']
  return {
    uid,
    user: stringAt(request, 'userInfo', 'username') ?? '',
    kind: stringAt(request, 'kind', 'kind') ?? '',
    namespace: stringAt(request, 'namespace') ?? '',
    name: stringAt(request, 'name') ?? '',
    operation: stringAt(request, 'operation') ?? '',
    dryRun: request['dryRun'] === true,
    object: objectAt(request, 'object'),
    old: isObject(old) ? old : undefined,
  }
}

/**
 * The answer: allowed, always, with a patch where there is something to change. What `exempt` writes passes unseen. A mutation that
 * throws is our defect and never the user's: the write passes, with a warning.
 */
export function answer(question: Question, mutate: Mutate, exempt?: string): Answer {
  let fault: string | undefined
  let mutation: Mutation = { object: question.object, warnings: [] }
  let patch: readonly unknown[] = []
  try {
    if (question.user !== exempt) mutation = mutate({ operation: question.operation, object: question.object, old: question.old })
    patch = createPatch(question.object, mutation.object, compare)
  } catch (error) {
    fault = describeError(error)
    mutation = { object: question.object, warnings: [`kinglet could not look at this ${question.kind}; it was stored as it is`] }
    patch = []
  }
  const warnings = mutation.warnings.map(printable)
  const response = {
    uid: question.uid,
    allowed: true,
    ...(patch.length > 0 ? { patchType: 'JSONPatch', patch: Buffer.from(JSON.stringify(patch)).toString('base64') } : {}),
    ...(warnings.length > 0 ? { warnings } : {}),
  }
  return { review: { apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', response }, changes: patch.length, warnings, fault }
}

/** Lists are compared each entry with each, which of long ones takes minutes and more memory than there is: they are replaced as a whole. */
const maxPairs = 10_000

/** What is shared is equal, without a look inside. Undefined: as rfc6902 does it. */
function compare(before: unknown, after: unknown, path: Pointer): Operation[] | undefined {
  if (before === after) return []
  const isLong = Array.isArray(before) && Array.isArray(after) && before.length * after.length > maxPairs
  return isLong ? [{ op: 'replace', path: path.toString(), value: after }] : undefined
}

/** The API server drops warnings with control characters, and cuts them at 256 when there are many. */
const printable = (text: string): string => text.replaceAll(/[^\x20-\x7e]/g, '?').slice(0, 250)
