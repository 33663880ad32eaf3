import { isIP } from 'node:net'
import type { Canary } from '../api/canary.ts'
import { combineRules } from '../api/canary-routing.ts'
import { primaryName, proxyPorts } from '../api/keys.ts'
import type { Endpoint, RouteTable, Track } from '../api/protocol.ts'
import { stringAt, type JsonObject } from '../base/json.ts'
import { appProtocolOf } from '../rollout/app-protocol.ts'
import { find } from '../rollout/objects.ts'
import { isReady, isServing, podsByTrack, runningByTrack } from '../rollout/observe.ts'
import type { Split } from '../rollout/resources/split.ts'
import { affinityOf, stickyHashOf } from '../rollout/session-cookies.ts'
import { routingOf } from '../rollout/step.ts'
import type { World } from '../rollout/world.ts'

/** What the sidecars of one Canary are to know: all of a table but its generation and its reader's own track. */
export interface Publication {
  /** Number of the routing intent, from the durable status. */
  readonly intent: number
  readonly intentAt: number
  readonly table: Omit<RouteTable, 'generation' | 'self'>
  /** Pods that get the table, by name; those on their way out too, or they would go on with an old one. */
  readonly members: ReadonlyMap<string, Track>
  /** Names of the canary's pods by their addresses. */
  readonly canaryPods: ReadonlyMap<string, string>
}

/** Time between reports during an analysis and at rest, milliseconds. DESIGN §5. */
const tickMs = { busy: 1000, idle: 10_000 } as const
/** Longer than another controller needs to take over: Lease 15 s, start and reconnection some seconds. */
const silenceLimitMs = 30_000
const restingPhases = ['Initialized', 'Succeeded', 'Failed']

/** The publication of a Canary whose durable status is `canary.status`. */
export function buildPublication(canary: Canary, world: World, split: Split | undefined): Publication {
  const { canaryWeightPercent, match, mirrorPercent } = routingOf(canary)
  const pods = podsByTrack(world, split)
  const isBusy = !restingPhases.includes(canary.status.phase ?? '') || canaryWeightPercent > 0
  const running = runningByTrack(world, split)
  const primaryService = isLeaving(canary) ? undefined : serviceOfPrimary(canary, world)
  const members = new Map<string, Track>([...running.primary.map((pod) => [nameOf(pod), 'primary'] as const), ...running.canary.map((pod) => [nameOf(pod), 'canary'] as const)])
  return {
    intent: canary.status.kinglet.generation,
    intentAt: canary.status.kinglet.generationAt,
    table: {
      canary: `${canary.namespace}/${canary.name}`,
      canaryWeightPercent,
      ...optional('mirrorPercent', mirrorPercent),
      match: combineRules(match, canary.spec.service.policy?.match ?? []),
      ...optional('policy', canary.spec.service.policy),
      ...optional('affinity', affinityOf(canary)),
      ...optional('stickyHash', stickyHashOf(canary)),
      endpoints: isLeaving(canary) ? { primary: appsOf(pods.canary, split), canary: [] } : { primary: endpointsOf(pods.primary), canary: endpointsOf(pods.canary) },
      ...(primaryService ? { primaryService } : {}),
      rescue: canary.spec.analysis.rescue,
      protocol: appProtocolOf(canary, world.services),
      tickMs: isBusy ? tickMs.busy : tickMs.idle,
      silenceLimitMs,
    },
    members,
    canaryPods: new Map(running.canary.flatMap((pod) => (stringAt(pod, 'status', 'podIP') === undefined ? [] : [[stringAt(pod, 'status', 'podIP') ?? '', nameOf(pod)] as const]))),
  }
}

const optional = <K extends string, V>(key: K, value: V | undefined): { readonly [P in K]?: V } => (value === undefined ? {} : ({ [key]: value } as { readonly [P in K]: V }))

/** The clients' way leads to the target again and the primary is about to go. */
const isLeaving = ({ status }: Canary): boolean => status.phase === 'Terminating' && status.kinglet.apex === undefined

/**
 * Who serves in the primary's place: a client on a kept-alive connection still comes to a primary pod whose app is ending, and its
 * sidecar passes the request on to the apps of the target, which have no sidecars any more. No primary is an endpoint then, by
 * which a sidecar knows that its clients should connect anew.
 */
const appsOf = (pods: readonly JsonObject[], split: Split | undefined): readonly Endpoint[] =>
  split ? addresses(pods.filter(isReady)).map((address) => ({ address, port: split.appPort })) : []

/** Its address stays while pods come and go, and the kube-proxies follow them without us. */
function serviceOfPrimary(canary: Canary, { services }: World): Endpoint | undefined {
  const { name, port } = canary.spec.service
  const address = stringAt(find(services, primaryName(name)), 'spec', 'clusterIP') ?? ''
  return isIP(address) > 0 ? { address, port } : undefined
}

const nameOf = (pod: JsonObject): string => stringAt(pod, 'metadata', 'name') ?? ''

const endpointsOf = (pods: readonly JsonObject[]): readonly Endpoint[] => addresses(pods.filter(isServing)).map((address) => ({ address, port: proxyPorts.direct.port }))

/** In an order that does not depend on the cache's. */
const addresses = (pods: readonly JsonObject[]): readonly string[] => pods.map((pod) => stringAt(pod, 'status', 'podIP') ?? '').toSorted()

/**
 * Generations of tables: the intent in billions, then seconds since the intent was made. So they rise when the intent does, rise
 * within one intent when endpoints come and go, and go on rising under the next leader, without a write for each. Example: the third
 * table of intent 7 may be 7000000042. 2⁵³ leaves room for nine million intents.
 */
const intentUnit = 1_000_000_000

export function nextGeneration(previous: number, { intent, intentAt }: Pick<Publication, 'intent' | 'intentAt'>, nowMs: number): number {
  const seconds = Math.min(intentUnit - 1, Math.max(0, Math.floor((nowMs - intentAt) / 1000)))
  return Math.max(previous + 1, intent * intentUnit + seconds)
}

/** The intent that a table's generation belongs to. */
export const intentOf = (generation: number): number => Math.floor(generation / intentUnit)
