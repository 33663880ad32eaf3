import { isObject, type JsonObject, listAt, objectAt, stringAt } from '../../../base/json.ts'
import type { Caller } from '../caller.ts'
import { nameOf } from '../object-meta.ts'
import { matchesLabelSelector } from '../selectors.ts'
import type { ObjectStore } from '../store.ts'

/** Role based access control as Kubernetes defines it: rights only add up, nothing is denied by a rule. */
export type Question =
  | { readonly verb: string; readonly group: string; readonly resource: string; readonly subresource: string; readonly namespace: string | undefined; readonly name: string }
  | { readonly verb: string; readonly path: string }

export interface Authorizer {
  allows(caller: Caller, question: Question): boolean
  /** All rules that apply to a caller in a namespace. */
  rulesFor(caller: Caller, namespace: string): readonly JsonObject[]
}

const group = 'rbac.authorization.k8s.io'
const superusers = 'system:masters'

export function createAuthorizer(store: ObjectStore): Authorizer {
  const rulesFor = (caller: Caller, namespace: string | undefined): readonly JsonObject[] => {
    const clusterRules = store.list(`${group}/clusterrolebindings`).filter((binding) => binds(binding, caller, '')).flatMap((binding) => rulesOf(store, binding, ''))
    if (namespace === undefined) return clusterRules
    const local = store.list(`${group}/rolebindings`, namespace).filter((binding) => binds(binding, caller, namespace)).flatMap((binding) => rulesOf(store, binding, namespace))
    return [...clusterRules, ...local]
  }
  return {
    rulesFor: (caller, namespace) => (caller.groups.includes(superusers) ? [allRules, allPaths] : rulesFor(caller, namespace)),
    allows: (caller, question) => {
      if (caller.groups.includes(superusers)) return true
      const namespace = 'path' in question ? undefined : question.namespace
      return rulesFor(caller, namespace).some((rule) => covers(rule, question))
    },
  }
}

const allRules: JsonObject = { verbs: ['*'], apiGroups: ['*'], resources: ['*'] }
const allPaths: JsonObject = { verbs: ['*'], nonResourceURLs: ['*'] }

function binds(binding: JsonObject, caller: Caller, namespace: string): boolean {
  return listAt(binding, 'subjects').some((subject) => {
    const name = stringAt(subject, 'name') ?? ''
    switch (stringAt(subject, 'kind')) {
      case 'User':
        return caller.username === name
      case 'Group':
        return caller.groups.includes(name)
      case 'ServiceAccount':
        return caller.username === `system:serviceaccount:${stringAt(subject, 'namespace') ?? namespace}:${name}`
      default:
        return false
    }
  })
}

function rulesOf(store: ObjectStore, binding: JsonObject, namespace: string): readonly JsonObject[] {
  const name = stringAt(binding, 'roleRef', 'name') ?? ''
  if (stringAt(binding, 'roleRef', 'kind') === 'Role') return listAt(store.get(`${group}/roles`, namespace, name), 'rules').filter(isObject)
  const role = store.get(`${group}/clusterroles`, undefined, name)
  return role === undefined ? [] : [...listAt(role, 'rules').filter(isObject), ...aggregated(store, role)]
}

function aggregated(store: ObjectStore, role: JsonObject): readonly JsonObject[] {
  const selectors = listAt(role, 'aggregationRule', 'clusterRoleSelectors')
  if (selectors.length === 0) return []
  return store
    .list(`${group}/clusterroles`)
    .filter((other) => nameOf(other) !== nameOf(role) && selectors.some((selector) => matchesLabelSelector(selector, objectAt(other, 'metadata', 'labels'))))
    .flatMap((other) => listAt(other, 'rules').filter(isObject))
}

function covers(rule: JsonObject, question: Question): boolean {
  const has = (field: string, value: string): boolean => listAt(rule, field).some((item) => item === '*' || item === value)
  if (!has('verbs', question.verb)) return false
  if ('path' in question) return listAt(rule, 'nonResourceURLs').some((pattern) => typeof pattern === 'string' && pathMatches(pattern, question.path))
  const names = listAt(rule, 'resourceNames')
  const resources = listAt(rule, 'resources')
  const wanted = question.subresource === '' ? question.resource : `${question.resource}/${question.subresource}`
  const fits = resources.some((item) => item === '*' || item === wanted || (question.subresource !== '' && item === `*/${question.subresource}`))
  return fits && has('apiGroups', question.group) && (names.length === 0 || names.includes(question.name))
}

const pathMatches = (pattern: string, path: string): boolean => (pattern.endsWith('*') ? path.startsWith(pattern.slice(0, -1)) : pattern === path)

/** `User "x" cannot get resource "deployments" in API group "apps" in the namespace "app"`. */
export function describeRefusal(caller: Caller, question: Question): string {
  if ('path' in question) return `User "${caller.username}" cannot ${question.verb} path "${question.path}"`
  const resource = question.subresource === '' ? question.resource : `${question.resource}/${question.subresource}`
  const where = question.namespace === undefined ? 'at the cluster scope' : `in the namespace "${question.namespace}"`
  return `User "${caller.username}" cannot ${question.verb} resource "${resource}" in API group "${question.group}" ${where}`
}
