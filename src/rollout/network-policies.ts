import { proxyPorts, streamService } from '../api/keys.ts'
import type { Problem } from '../api/problem.ts'
import { isObject, listAt, numberAt, objectAt, stringAt, type Json, type JsonObject } from '../base/json.ts'
import { isSelected, nameOf } from './objects.ts'
import type { Tracks } from './track-labels.ts'

/**
 * NetworkPolicies beside a split. Policies add up: a pod that none selects is open, else what any rule of any policy lets pass passes.
 * Only what is certain from the policies of the namespace alone is said: addresses and labels of namespaces are not known, so a rule
 * that names them may let anything pass.
 */

type Direction = 'ingress' | 'egress'
const directions: readonly Direction[] = ['ingress', 'egress']
const peersField = { ingress: 'from', egress: 'to' } as const

/** Policies that are meant for the target's pods and leave the primary's out: by what they select, or by whom they let pass. */
export function leftOutPolicies(policies: readonly JsonObject[], tracks: Tracks): readonly Problem[] {
  const { leftOut, both } = tracks
  const { route, direct } = proxyPorts
  const selecting = policies.filter((policy) => selectsPods(policy, tracks.targetLabels) && !selectsPods(policy, tracks.primaryLabels))
  const naming = policies.filter((policy) => directions.some((direction) => rulesOf(policy, direction).some((rule) => leavesOut(rule, direction, tracks))))
  return [
    ...selecting.map((policy) => ({
      code: 'PolicyWithoutPrimary',
      path: `NetworkPolicy ${nameOf(policy)}`,
      message: `it holds for ${leftOut}`,
      remedy: `Let it select ${both}, and where it limits ports, admit ${route.port} from clients and ${direct.port} between these pods`,
    })),
    ...naming.map((policy) => ({ code: 'PolicyWithoutPrimary', path: `NetworkPolicy ${nameOf(policy)}`, message: `its rules name ${leftOut}`, remedy: `Let them name ${both}` })),
  ]
}

/** A rule that lets the target's pods pass by their labels, and nothing of which can mean the primary's. */
function leavesOut(rule: JsonObject, direction: Direction, { targetLabels, primaryLabels }: Tracks): boolean {
  const peers = listAt(rule, peersField[direction])
  const isByLabels = (peer: Json): boolean => isObject(peer) && peer['namespaceSelector'] === undefined && isSelected(peer['podSelector'], targetLabels)
  return peers.some(isByLabels) && !mayMean(peers, primaryLabels)
}

/** Requests that cannot pass: clients to the primary, the primary to the canary, the primary's sidecar to the controller. */
export function blockedWays(policies: readonly JsonObject[], { target, primary, targetLabels, primaryLabels }: Tracks): readonly Problem[] {
  const { route, direct } = proxyPorts
  const ways: readonly (Way & { readonly what: string })[] = [
    { of: primaryLabels, direction: 'ingress', port: route, what: `port ${route.port} of the pods of ${primary}, where clients reach the sidecar` },
    { of: targetLabels, direction: 'ingress', port: direct, peer: primaryLabels, what: `port ${direct.port} of the pods of ${target}, where those of ${primary} send the canary's share` },
    { of: primaryLabels, direction: 'egress', port: direct, peer: targetLabels, what: `calls of the pods of ${primary} to port ${direct.port} of those of ${target}, the canary's share` },
    { of: primaryLabels, direction: 'egress', port: { ...streamService, name: 'stream' }, what: `calls of the pods of ${primary} to port ${streamService.port} of the controller, without which the canary gets no requests` },
  ]
  return ways.flatMap((way) => {
    const concerned = policies.filter((policy) => selectsPods(policy, way.of) && governs(policy, way.direction))
    if (concerned.length === 0 || concerned.some((policy) => rulesOf(policy, way.direction).some((rule) => mayPass(rule, way)))) return []
    const [path, verb] = concerned.length > 1 ? [`NetworkPolicies ${concerned.slice(0, 3).map(nameOf).join(', ')}`, 'none of them admits'] : [`NetworkPolicy ${concerned.map(nameOf).join('')}`, 'it does not admit']
    return [{ code: 'PolicyBlocks', path, message: `${verb} ${way.what}`, remedy: `Add the port to its ${way.direction} rules` }]
  })
}

interface Way {
  /** Labels of the pods whose policies decide. */
  readonly of: JsonObject
  readonly direction: Direction
  readonly port: { readonly port: number; readonly name: string }
  /** Labels of the other end, where they are known. */
  readonly peer?: JsonObject
}

const selectsPods = (policy: JsonObject, labels: JsonObject): boolean => isSelected(objectAt(policy, 'spec')['podSelector'], labels)
const rulesOf = (policy: JsonObject, direction: Direction): readonly JsonObject[] => (governs(policy, direction) ? listAt(policy, 'spec', direction).filter(isObject) : [])

/** The API server writes policyTypes where they are missing; the meaning of a missing one is its. */
function governs(policy: JsonObject, direction: Direction): boolean {
  const types = listAt(policy, 'spec', 'policyTypes')
  if (types.length === 0) return direction === 'ingress' || listAt(policy, 'spec', 'egress').length > 0
  return types.includes(direction === 'ingress' ? 'Ingress' : 'Egress')
}

const mayPass = (rule: JsonObject, { direction, port, peer }: Way): boolean => admitsPort(listAt(rule, 'ports'), port) && (peer === undefined || mayMean(listAt(rule, peersField[direction]), peer))

/** No list: all ports. */
function admitsPort(ports: readonly Json[], { port, name }: Way['port']): boolean {
  if (ports.length === 0) return true
  return ports.some((entry) => {
    if ((stringAt(entry, 'protocol') ?? 'TCP') !== 'TCP') return false
    const first = numberAt(entry, 'port')
    if (first === undefined) return stringAt(entry, 'port') === undefined || stringAt(entry, 'port') === name
    return port >= first && port <= (numberAt(entry, 'endPort') ?? first)
  })
}

/** Whether one of the peers can be a pod of this namespace with these labels. No list: everybody. */
function mayMean(peers: readonly Json[], labels: JsonObject): boolean {
  if (peers.length === 0) return true
  return peers.some((peer) => isObject(peer) && (peer['ipBlock'] !== undefined || peer['podSelector'] === undefined || isSelected(peer['podSelector'], labels)))
}
