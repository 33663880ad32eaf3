import type { JsonObject } from '../../../base/json.ts'
import { apiVersionOf, type ResourceType, type Subresource } from '../resource-type.ts'

/** Discovery: which groups, versions and resources there are, in the old form and in the aggregated one (KEP-3352). */

const aggregatedType = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList'
export const wantsAggregated = (accept: string | undefined): boolean => (accept ?? '').split(',').some((one) => one.includes('as=APIGroupDiscoveryList') && /v=v2(?!beta)/.test(one) && one.includes('application/json'))
export { aggregatedType }

const statusVerbs = ['get', 'patch', 'update']

function subresourcesOf(type: ResourceType): readonly Subresource[] {
  return [
    ...type.subresources,
    ...(type.scale === undefined ? [] : [{ name: 'scale', kind: 'Scale', group: 'autoscaling', version: 'v1', verbs: statusVerbs }]),
    ...(type.hasStatus ? [{ name: 'status', kind: type.kind, verbs: statusVerbs }] : []),
  ]
}

interface Group {
  readonly name: string
  readonly versions: ReadonlyMap<string, readonly ResourceType[]>
}

function groupsOf(types: readonly ResourceType[]): readonly Group[] {
  return [...Map.groupBy(types, (type) => type.group)].map(([name, members]) => ({ name, versions: Map.groupBy(members, (type) => type.version) }))
}

export const coreVersions = (address: string): JsonObject => ({ kind: 'APIVersions', versions: ['v1'], serverAddressByClientCIDRs: [{ clientCIDR: '0.0.0.0/0', serverAddress: address }] })

const groupBody = ({ name, versions }: Group): JsonObject => {
  const listed = [...versions.keys()].map((version) => ({ groupVersion: `${name}/${version}`, version }))
  return { name, versions: listed, preferredVersion: listed[0] ?? {} }
}

export const groupList = (types: readonly ResourceType[]): JsonObject => ({ kind: 'APIGroupList', apiVersion: 'v1', groups: groupsOf(types).filter(({ name }) => name !== '').map(groupBody) })

export function oneGroup(types: readonly ResourceType[], name: string): JsonObject | undefined {
  const group = groupsOf(types).find((candidate) => candidate.name === name)
  return group === undefined ? undefined : { kind: 'APIGroup', apiVersion: 'v1', ...groupBody(group) }
}

/** The resources of one version; undefined if there are none. */
export function resourceList(types: readonly ResourceType[], group: string, version: string): JsonObject | undefined {
  const members = types.filter((type) => type.group === group && type.version === version)
  if (members.length === 0) return undefined
  const resources = members.flatMap((type) => [
    {
      name: type.resource,
      singularName: type.singular,
      namespaced: type.namespaced,
      kind: type.kind,
      verbs: type.verbs,
      ...(type.shortNames.length === 0 ? {} : { shortNames: type.shortNames }),
      ...(type.categories.length === 0 ? {} : { categories: type.categories }),
    },
    ...subresourcesOf(type).map((sub) => ({
      name: `${type.resource}/${sub.name}`,
      singularName: '',
      namespaced: type.namespaced,
      kind: sub.kind,
      verbs: sub.verbs,
      ...(sub.group === undefined ? {} : { group: sub.group, version: sub.version }),
    })),
  ])
  return { kind: 'APIResourceList', apiVersion: 'v1', groupVersion: apiVersionOf({ group, version }), resources }
}

/** The core group alone for `/api`, all others for `/apis`. */
export function aggregatedList(types: readonly ResourceType[], isCore: boolean): JsonObject {
  const groups = groupsOf(types.filter((type) => (type.group === '') === isCore))
  return {
    kind: 'APIGroupDiscoveryList',
    apiVersion: 'apidiscovery.k8s.io/v2',
    metadata: {},
    items: groups.map(({ name, versions }) => ({
      metadata: name === '' ? {} : { name },
      versions: [...versions].map(([version, members]) => ({ version, resources: members.map(aggregatedResource), freshness: 'Current' })),
    })),
  }
}

const responseKind = (type: ResourceType, sub?: Subresource): JsonObject => ({ group: sub?.group ?? type.group, version: sub?.version ?? type.version, kind: sub?.kind ?? type.kind })

function aggregatedResource(type: ResourceType): JsonObject {
  const subresources = subresourcesOf(type).map((sub) => ({ subresource: sub.name, responseKind: responseKind(type, sub), verbs: sub.verbs }))
  return {
    resource: type.resource,
    responseKind: responseKind(type),
    scope: type.namespaced ? 'Namespaced' : 'Cluster',
    singularResource: type.singular,
    verbs: type.verbs,
    ...(type.shortNames.length === 0 ? {} : { shortNames: type.shortNames }),
    ...(type.categories.length === 0 ? {} : { categories: type.categories }),
    ...(subresources.length === 0 ? {} : { subresources }),
  }
}
