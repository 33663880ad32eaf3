import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv'
import { isObject, type Json, type JsonObject, stringAt } from '../../../base/json.ts'
import { evaluateCel } from '../cel.ts'
import type { Schema } from '../schema/openapi-schema.ts'
import { type FieldError, required, unsupported, wrong } from '../status.ts'

/** Validation of custom objects: the schema by ajv, with errors in the API server's words, then the CEL rules. */
export type CustomValidator = (object: JsonObject, previous: JsonObject | undefined) => readonly FieldError[]

export function compileCustomValidator(schema: Schema): CustomValidator {
  // `strict: false`: Kubernetes' extensions are keywords that ajv does not know.
  const ajv = new Ajv({ strict: false, allErrors: true, validateFormats: false, verbose: true, logger: false })
  const validate = ajv.compile(forAjv(schema)) as ValidateFunction
  return (object, previous) => {
    const schemaErrors = validate(object) ? [] : translate(validate.errors ?? [])
    if (schemaErrors.length === 0) return ruleErrors(object, previous, schema, '')
    return hasRules(schema) ? [...schemaErrors, uncheckedRules] : schemaErrors
  }
}

const uncheckedRules = wrong('<nil>', null, 'some validation rules were not checked because the object was invalid; correct the existing errors to complete validation')

const hasRules = (schema: Schema): boolean =>
  (schema['x-kubernetes-validations'] ?? []).length > 0 ||
  Object.values(schema.properties ?? {}).some(hasRules) ||
  (schema.items !== undefined && hasRules(schema.items)) ||
  (typeof schema.additionalProperties === 'object' && hasRules(schema.additionalProperties))

/** OpenAPI v3 as JSON schema: `nullable` without a type, int-or-string, and the extensions left out. */
function forAjv(schema: Schema): Record<string, unknown> {
  const isEither = schema['x-kubernetes-int-or-string'] === true
  const entries = Object.entries(schema).filter(([key]) => !key.startsWith('x-') && key !== 'description' && key !== 'default' && key !== 'example' && !(isEither && (key === 'type' || key === 'anyOf')))
  const converted = Object.fromEntries(entries.map(([key, value]) => [key, convertKeyword(key, value)]))
  if (isEither) return { ...converted, type: schema.nullable === true ? ['integer', 'string', 'null'] : ['integer', 'string'] }
  if (schema.nullable === true && schema.type === undefined) delete converted['nullable']
  return schema['x-kubernetes-embedded-resource'] === true ? { ...converted, required: [...(schema.required ?? []), 'apiVersion', 'kind'] } : converted
}

function convertKeyword(key: string, value: unknown): unknown {
  switch (key) {
    case 'properties':
      return Object.fromEntries(Object.entries(value as Record<string, Schema>).map(([name, property]) => [name, forAjv(property)]))
    case 'items':
    case 'not':
      return forAjv(value as Schema)
    case 'additionalProperties':
      return typeof value === 'object' ? forAjv(value as Schema) : value
    case 'allOf':
    case 'anyOf':
    case 'oneOf':
      return (value as readonly Schema[]).map(forAjv)
    default:
      return value
  }
}

/** ajv reports the members of a failed oneOf/anyOf too; the API server names what is wrong with them beside the sum. */
function translate(errors: readonly ErrorObject[]): readonly FieldError[] {
  const typeErrors = new Set(errors.filter(({ keyword }) => keyword === 'type').map(({ instancePath }) => instancePath))
  return errors.filter(({ keyword, instancePath }) => keyword === 'type' || !typeErrors.has(instancePath)).map(toFieldError)
}

function toFieldError(error: ErrorObject): FieldError {
  const path = fieldPath(error.instancePath)
  const params = error.params as Record<string, unknown>
  const value: unknown = error.data
  const body = `${path === '' ? '<nil>' : path} in body`
  switch (error.keyword) {
    case 'required': {
      const missing = String(params['missingProperty'])
      return required(path === '' ? missing : `${path}.${missing}`)
    }
    case 'enum':
      return unsupported(path, value, (params['allowedValues'] as readonly unknown[]).map(String))
    case 'type': {
      const type = String(params['type']).replace(/,null$/, '')
      return typeError(path, value, type)
    }
    case 'pattern':
      return wrong(path, value, `${body} should match '${String(params['pattern'])}'`)
    case 'oneOf':
      return wrong('<nil>', '', `"${path}" must validate one and only one schema (oneOf). ${foundAlternatives(params['passingSchemas'])}`)
    case 'anyOf':
      return wrong('<nil>', '', `"${path}" must validate at least one schema (anyOf)`)
    case 'not':
      return wrong('<nil>', '', `"${path}" must not validate the schema (not)`)
    default:
      return limitError(error, path, body) ?? wrong(path, value, `${body} ${error.message ?? 'is not valid'}`)
  }
}

function limitError({ keyword, params, data }: ErrorObject, path: string, body: string): FieldError | undefined {
  const value: unknown = data
  const limit = String((params as Record<string, unknown>)['limit'])
  switch (keyword) {
    case 'minimum':
      return wrong(path, value, `${body} should be greater than or equal to ${limit}`)
    case 'exclusiveMinimum':
      return wrong(path, value, `${body} should be greater than ${limit}`)
    case 'maximum':
      return wrong(path, value, `${body} should be less than or equal to ${limit}`)
    case 'exclusiveMaximum':
      return wrong(path, value, `${body} should be less than ${limit}`)
    case 'minLength':
      return wrong(path, value, `${body} should be at least ${limit} chars long`)
    case 'maxLength':
      return { reason: 'FieldValueTooLong', field: path, message: `Too long: may not be more than ${limit} bytes` }
    case 'minItems':
      return wrong(path, itemCount(value), `${body} should have at least ${limit} items`)
    case 'maxItems':
      return { reason: 'FieldValueTooMany', field: path, message: `Too many: ${itemCount(value)}: must have at most ${limit} items` }
    default:
      return undefined
  }
}

const foundAlternatives = (passing: unknown): string => (Array.isArray(passing) ? `Found ${passing.length} valid alternatives` : 'Found none valid')

const itemCount = (value: unknown): number => (Array.isArray(value) ? value.length : 0)

function typeError(path: string, value: unknown, type: string): FieldError {
  const shown = value === null ? 'null' : Array.isArray(value) ? 'array' : typeof value === 'number' ? (Number.isInteger(value) ? 'integer' : 'number') : typeof value
  return { reason: 'FieldValueTypeInvalid', field: path, message: `Invalid value: "${shown}": ${path} in body must be of type ${type}: "${shown}"` }
}

/** `/spec/metrics/0/name` → `spec.metrics[0].name`. */
function fieldPath(pointer: string): string {
  return pointer
    .split('/')
    .slice(1)
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'))
    .reduce((path, part) => (/^\d+$/.test(part) ? `${path}[${part}]` : path === '' ? part : `${path}.${part}`), '')
}

/** `x-kubernetes-validations` at every level. A rule that names oldSelf needs a value from before. */
function ruleErrors(value: Json, previous: Json | undefined, schema: Schema, path: string): readonly FieldError[] {
  const own = (schema['x-kubernetes-validations'] ?? []).flatMap((rule) => brokenRule(rule, value, previous, path))
  if (isObject(value)) {
    const below = Object.entries(value).flatMap(([key, inner]) => {
      const property = schema.properties?.[key]
      const next = property ?? (typeof schema.additionalProperties === 'object' ? schema.additionalProperties : undefined)
      if (next === undefined || inner === undefined || inner === null) return []
      // The key of a map is data, and is written so.
      const below = property === undefined ? `${path}[${key}]` : path === '' ? key : `${path}.${key}`
      return ruleErrors(inner, isObject(previous) ? previous[key] : undefined, next, below)
    })
    return [...own, ...below]
  }
  if (!Array.isArray(value) || schema.items === undefined) return own
  const items = schema.items
  // Items of a list have no identity from before, unless it has keys; transition rules on them are not evaluated.
  return [...own, ...value.flatMap((item, index) => ruleErrors(item as Json, undefined, items, `${path}[${index}]`))]
}

function brokenRule(rule: JsonObject, value: Json, previous: Json | undefined, path: string): readonly FieldError[] {
  const expression = stringAt(rule, 'rule') ?? ''
  if (/\boldSelf\b/.test(expression) && previous === undefined) return []
  const field = path === '' ? '<nil>' : path
  const shown = isObject(value) ? 'object' : Array.isArray(value) ? 'array' : value
  const result = evaluateCel(expression, { self: value, oldSelf: previous ?? null })
  if (!result.ok) return [wrong(field, typeof value === 'string' ? 'string' : shown, `${result.error} evaluating rule: ${stringAt(rule, 'message') ?? expression}`)]
  if (result.value === true) return []
  return [wrong(`${field}${stringAt(rule, 'fieldPath') ?? ''}`, shown, messageOf(rule, expression, value, previous))]
}

function messageOf(rule: JsonObject, expression: string, value: Json, previous: Json | undefined): string {
  const computed = stringAt(rule, 'messageExpression')
  if (computed !== undefined) {
    const result = evaluateCel(computed, { self: value, oldSelf: previous ?? null })
    if (result.ok && typeof result.value === 'string') return result.value
  }
  return stringAt(rule, 'message') ?? `failed rule: ${expression}`
}
