import { isObject, type JsonObject, listAt, objectAt, stringAt } from '../../../base/json.ts'
import { type Caller, userInfoOf } from '../caller.ts'
import { badRequest } from '../status.ts'
import type { Authorizer, Question } from './rbac.ts'
import { apiAudience, type Tokens } from './tokens.ts'

/** Reviews: questions to the server itself, answered and not stored. */
export interface ReviewContext {
  readonly tokens: Tokens
  readonly authorizer: Authorizer
  readonly caller: Caller
  readonly namespace: string | undefined
}

/** The review with its status filled in. Throws ApiError 400 for a spec that asks nothing. */
export function answerReview(resource: string, review: JsonObject, context: ReviewContext): JsonObject {
  const spec = objectAt(review, 'spec')
  const metadata = { creationTimestamp: null, ...objectAt(review, 'metadata') }
  return { ...review, metadata, status: statusOf(resource, spec, context) }
}

function statusOf(resource: string, spec: JsonObject, context: ReviewContext): JsonObject {
  switch (resource) {
    case 'tokenreviews':
      return tokenStatus(spec, context.tokens)
    case 'selfsubjectaccessreviews':
      return accessStatus(context.caller, spec, context.authorizer)
    case 'selfsubjectrulesreviews':
      return rulesStatus(context.caller, stringAt(spec, 'namespace') ?? '', context.authorizer)
    default:
      return accessStatus(subjectOf(spec), spec, context.authorizer)
  }
}

function tokenStatus(spec: JsonObject, tokens: Tokens): JsonObject {
  const asked = listAt(spec, 'audiences').filter((audience) => typeof audience === 'string')
  const found = tokens.authenticate(stringAt(spec, 'token') ?? '', asked.length === 0 ? [apiAudience] : asked)
  if (found === undefined) return { authenticated: false, error: '[invalid bearer token, token audiences, signature or expiry]', user: {} }
  return { authenticated: true, user: userInfoOf(found.caller), audiences: found.audiences }
}

const strings = (value: unknown, field: string): readonly string[] => listAt(value, field).filter((item) => typeof item === 'string')

const subjectOf = (spec: JsonObject): Caller => ({ username: stringAt(spec, 'user') ?? '', groups: strings(spec, 'groups') })

function accessStatus(caller: Caller, spec: JsonObject, authorizer: Authorizer): JsonObject {
  const question = questionOf(spec)
  return authorizer.allows(caller, question) ? { allowed: true, reason: 'RBAC: allowed' } : { allowed: false }
}

function questionOf(spec: JsonObject): Question {
  const resource = spec['resourceAttributes']
  const path = spec['nonResourceAttributes']
  if (isObject(path)) return { verb: stringAt(path, 'verb') ?? '', path: stringAt(path, 'path') ?? '' }
  if (!isObject(resource)) throw badRequest('spec.resourceAttributes: Invalid value: "null": exactly one of nonResourceAttributes or resourceAttributes must be specified')
  const text = (field: string): string => stringAt(resource, field) ?? ''
  const namespace = text('namespace')
  return { verb: text('verb'), group: text('group'), resource: text('resource'), subresource: text('subresource'), namespace: namespace === '' ? undefined : namespace, name: text('name') }
}

function rulesStatus(caller: Caller, namespace: string, authorizer: Authorizer): JsonObject {
  const rules = authorizer.rulesFor(caller, namespace)
  return {
    resourceRules: rules.filter((rule) => rule['resources'] !== undefined),
    nonResourceRules: rules.filter((rule) => rule['nonResourceURLs'] !== undefined),
    incomplete: false,
  }
}
