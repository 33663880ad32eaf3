import { isObject, type JsonObject, listAt, objectAt, stringAt, valueAt } from '../../base/json.ts'
import { badRequest } from './status.ts'

/** Label and field selectors: parsing of what clients send, and whether an object matches. */
export type Predicate = (object: JsonObject) => boolean

interface Requirement {
  readonly key: string
  readonly operator: 'in' | 'notin' | 'exists' | 'absent' | 'gt' | 'lt'
  readonly values: readonly string[]
}

type Labels = Readonly<Record<string, unknown>>

const labelsOf = (object: JsonObject): Labels => objectAt(object, 'metadata', 'labels')

/**
 * A label selector in its query form: `app=web,tier!=db,env in (a,b),!old`. The empty text matches everything.
 * Errors: ApiError 400 for text that is none.
 */
export function parseLabelSelector(text: string): Predicate {
  const requirements = splitTopLevel(text).map(parseRequirement)
  return (object) => requirements.every((requirement) => isMet(requirement, labelsOf(object)))
}

/** Whether labels match a `LabelSelector` object. Absent: matches nothing; empty: everything. */
export function matchesLabelSelector(selector: unknown, labels: Labels): boolean {
  if (!isObject(selector)) return false
  const exact = Object.entries(objectAt(selector, 'matchLabels')).every(([key, value]) => labels[key] === value)
  return exact && listAt(selector, 'matchExpressions').every((expression) => isMet(requirementOf(expression), labels))
}

/** The text form of a `LabelSelector`, as in the status of a Scale. */
export function formatLabelSelector(selector: unknown): string {
  const exact = Object.entries(objectAt(selector, 'matchLabels')).map(([key, value]) => `${key}=${typeof value === 'string' ? value : ''}`)
  const expressions = listAt(selector, 'matchExpressions').map((expression) => formatRequirement(requirementOf(expression)))
  return [...exact, ...expressions].toSorted().join(',')
}

const operators: Readonly<Record<string, Requirement['operator']>> = { In: 'in', NotIn: 'notin', Exists: 'exists', DoesNotExist: 'absent' }

function requirementOf(expression: unknown): Requirement {
  const values = listAt(expression, 'values').filter((value) => typeof value === 'string')
  return { key: stringAt(expression, 'key') ?? '', operator: operators[stringAt(expression, 'operator') ?? ''] ?? 'in', values }
}

function formatRequirement({ key, operator, values }: Requirement): string {
  if (operator === 'exists') return key
  if (operator === 'absent') return `!${key}`
  return `${key} ${operator} (${values.toSorted().join(',')})`
}

function isMet({ key, operator, values }: Requirement, labels: Labels): boolean {
  const value = labels[key]
  const has = typeof value === 'string'
  switch (operator) {
    case 'exists':
      return has
    case 'absent':
      return !has
    case 'in':
      return has && values.includes(value)
    case 'notin':
      return !has || !values.includes(value)
    case 'gt':
      return has && Number(value) > Number(values[0])
    case 'lt':
      return has && Number(value) < Number(values[0])
  }
}

/** Splits at commas outside parentheses. */
function splitTopLevel(text: string): readonly string[] {
  return text.split(/,(?![^(]*\))/).map((part) => part.trim()).filter((part) => part !== '')
}

const keyPattern = '[A-Za-z0-9](?:[A-Za-z0-9./_-]*[A-Za-z0-9])?'
const valuePattern = '[A-Za-z0-9_.-]*'

function parseRequirement(text: string): Requirement {
  const set = new RegExp(`^(${keyPattern})\\s+(in|notin)\\s*\\(([^)]*)\\)$`).exec(text)
  if (set !== null) return { key: set[1] ?? '', operator: set[2] === 'in' ? 'in' : 'notin', values: (set[3] ?? '').split(',').map((value) => value.trim()) }
  const compare = new RegExp(`^(${keyPattern})\\s*(==|=|!=|>|<)\\s*(${valuePattern})$`).exec(text)
  if (compare !== null) return { key: compare[1] ?? '', operator: comparisons[compare[2] ?? ''] ?? 'in', values: [compare[3] ?? ''] }
  const bare = new RegExp(`^(!?)\\s*(${keyPattern})$`).exec(text)
  if (bare !== null) return { key: bare[2] ?? '', operator: bare[1] === '!' ? 'absent' : 'exists', values: [] }
  throw badRequest(`unable to parse requirement: found "${text}", expected: a label requirement such as key=value`)
}

const comparisons: Readonly<Record<string, Requirement['operator']>> = { '=': 'in', '==': 'in', '!=': 'notin', '>': 'gt', '<': 'lt' }

const anywhere = ['metadata.name', 'metadata.namespace']
const involved = ['kind', 'namespace', 'name', 'uid', 'apiVersion', 'resourceVersion', 'fieldPath'].map((field) => `involvedObject.${field}`)
const selectable: Readonly<Record<string, readonly string[]>> = {
  '/pods': ['spec.nodeName', 'spec.restartPolicy', 'spec.schedulerName', 'spec.serviceAccountName', 'spec.hostNetwork', 'status.phase', 'status.podIP', 'status.nominatedNodeName'],
  '/events': [...involved, 'reason', 'reportingComponent', 'source', 'type'],
  'events.k8s.io/events': [...involved.map((field) => field.replace('involvedObject', 'regarding')), 'reason', 'reportingController', 'type'],
  '/namespaces': ['status.phase'],
  '/nodes': ['spec.unschedulable'],
  '/secrets': ['type'],
  '/services': ['spec.clusterIP', 'spec.type'],
  'apps/replicasets': ['status.replicas'],
}

/** A field selector: `metadata.name=web,status.phase!=Running`. Errors: ApiError 400 for a field that the resource does not offer. */
export function parseFieldSelector(resource: string, text: string, more: readonly string[] = []): Predicate {
  const allowed = [...anywhere, ...(selectable[resource] ?? []), ...more]
  const terms = text.split(',').filter((term) => term !== '').map((term) => parseFieldTerm(term, allowed))
  return (object) => terms.every(({ path, value, negated }) => (fieldValue(object, path) === value) !== negated)
}

function parseFieldTerm(term: string, allowed: readonly string[]): { readonly path: string; readonly value: string; readonly negated: boolean } {
  const [, path = '', operator = '', value = ''] = /^([^!=]+)(==|=|!=)(.*)$/.exec(term) ?? []
  if (operator === '') throw badRequest(`invalid selector: '${term}'; can't understand '${term}'`)
  if (!allowed.includes(path)) throw badRequest(`field label not supported: ${path}`)
  return { path, value, negated: operator === '!=' }
}

function fieldValue(object: JsonObject, path: string): string {
  const value = path === 'source' ? valueAt(object, 'source', 'component') : valueAt(object, ...path.split('.'))
  return typeof value === 'object' || value === undefined ? '' : String(value as string | number | boolean)
}
