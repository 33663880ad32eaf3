import { resources } from '../api/resources.ts'
import type { Clock } from '../base/clock.ts'
import { AppError } from '../base/errors.ts'
import { canonicalJson, numberAt, objectAt, stringAt, type JsonObject } from '../base/json.ts'
import { sleep, type KubeClient } from './client.ts'
import { hasCode } from './errors.ts'

export interface LeaseOptions {
  readonly client: Pick<KubeClient, 'find' | 'create' | 'replace'>
  readonly clock: Clock
  readonly namespace: string
  readonly name: string
  /** Who we are, unique among all candidates: the pod's name and something random. */
  readonly identity: string
  /** Others may take over after this long without a renewal. Default 15 s; client-go's, as the next two. */
  readonly leaseMs?: number
  /** We step down after this long without a successful renewal. Default two thirds of `leaseMs`. */
  readonly renewDeadlineMs?: number
  /** Between two attempts. Default two fifteenths of `leaseMs`. */
  readonly retryMs?: number
  readonly random?: () => number
  /** Ends the candidature; a held lease is given back. */
  readonly signal: AbortSignal
  /** Runs while we lead. Must end soon after its signal; only then is the lease given back. */
  readonly lead: (signal: AbortSignal) => Promise<void>
  /** Told when somebody else is seen to hold the lease. */
  readonly onLeader?: (identity: string) => void
  /** Told of failed attempts; they are repeated. */
  readonly onError?: (error: unknown) => void
}

/**
 * Waits for the lease, leads while it is held, gives it back. Another holder's lease counts as expired when it has not changed
 * for its duration *on our own clock*: clocks of other machines are not believed. Resolves after `signal` or when `lead` returns.
 * Errors: LEASE_LOST when a renewal did not succeed in time (the process should end: somebody else may lead now); whatever `lead` throws.
 */
export async function runWithLease(options: LeaseOptions): Promise<void> {
  const { clock, signal, leaseMs = 15_000, renewDeadlineMs = (leaseMs * 2) / 3, retryMs = (leaseMs * 2) / 15, random = Math.random } = options
  const record = createRecord(options, leaseMs)
  const pause = (): Promise<void> => sleep(clock, retryMs * (1 + 0.2 * random()), signal)

  while (!signal.aborted && !(await record.tryHold(renewDeadlineMs))) await pause()
  if (signal.aborted) return record.release()

  const leading = new AbortController()
  const onStop = (): void => leading.abort()
  signal.addEventListener('abort', onStop, { once: true })
  const ended = new AbortController()
  const work = options.lead(leading.signal).finally(() => ended.abort())
  work.catch(() => undefined)
  try {
    // Renewed until the work has ended, also while it winds down: nobody may start before.
    while (!ended.signal.aborted) {
      await sleep(clock, retryMs, ended.signal)
      if (ended.signal.aborted) break
      const leftMs = record.heldAt() + renewDeadlineMs - clock.now()
      // Half of the time for one call: another connection may work where this one is dead.
      const isHeld = leftMs > 0 && (await record.tryHold(Math.min(leftMs, renewDeadlineMs / 2)))
      const isLost = record.isForeign() || clock.now() - record.heldAt() >= renewDeadlineMs
      if (!isHeld && isLost) throw new AppError('LEASE_LOST', `the lease ${options.namespace}/${options.name} was not renewed within ${renewDeadlineMs} ms`)
    }
    await work
  } finally {
    leading.abort()
    signal.removeEventListener('abort', onStop)
  }
  await record.release()
}

/** Our view of the Lease object. */
function createRecord(options: LeaseOptions, leaseMs: number) {
  const { client, clock, namespace, name, identity } = options
  let seen: { readonly lease: JsonObject; readonly text: string; readonly at: number } | undefined
  let lastHeldAt = -Infinity

  const observe = (lease: JsonObject): void => {
    const text = canonicalJson(lease['spec'] ?? {})
    if (holderOf(lease) !== holderOf(seen?.lease) && holderOf(lease) !== '' && holderOf(lease) !== identity) options.onLeader?.(holderOf(lease))
    seen = { lease, text, at: seen?.text === text ? seen.at : clock.now() }
  }
  const isForeign = (): boolean => {
    const holder = holderOf(seen?.lease)
    return holder !== '' && holder !== identity
  }
  const isExpired = (): boolean => {
    const durationMs = (numberAt(seen?.lease, 'spec', 'leaseDurationSeconds') ?? leaseMs / 1000) * 1000
    return seen !== undefined && clock.now() - seen.at >= durationMs
  }
  const specFor = (holder: string, seconds: number): JsonObject => {
    const old = objectAt(seen?.lease, 'spec')
    const isOurs = stringAt(old, 'holderIdentity') === identity
    const now = microTime(clock.now())
    const transitions = (numberAt(old, 'leaseTransitions') ?? 0) + (isOurs || seen === undefined ? 0 : 1)
    return { ...old, holderIdentity: holder, leaseDurationSeconds: seconds, renewTime: now, acquireTime: isOurs ? (old['acquireTime'] ?? now) : now, leaseTransitions: transitions }
  }
  const write = async (spec: JsonObject, timeoutMs: number): Promise<void> => {
    const call = { timeoutMs }
    const lease = { ...(seen?.lease ?? { metadata: { namespace, name } }), spec }
    observe(seen ? await client.replace(resources.leases, lease, call) : await client.create(resources.leases, lease, call))
  }
  const hold = async (timeoutMs: number): Promise<boolean> => {
    // A holder writes on top of what it wrote last; resourceVersion refuses if anybody else did meanwhile.
    if ((seen === undefined || holderOf(seen.lease) !== identity) && !(await refresh(timeoutMs))) return false
    if (isForeign() && !isExpired()) return false
    const startedAt = clock.now()
    await write(specFor(identity, Math.ceil(leaseMs / 1000)), timeoutMs)
    // Counted from before the request: others count from when they see it.
    lastHeldAt = startedAt
    return true
  }

  const refresh = async (timeoutMs: number): Promise<boolean> => {
    try {
      const lease = await client.find(resources.leases, { namespace, name }, { timeoutMs })
      if (lease) observe(lease)
      else seen = undefined
      return true
    } catch (error) {
      options.onError?.(error)
      return false
    }
  }

  return {
    heldAt: (): number => lastHeldAt,
    isForeign,
    /** Takes or renews the lease; false when another one holds it or the API server did not agree. */
    async tryHold(timeoutMs: number): Promise<boolean> {
      for (let attempt = 1; ; attempt += 1) {
        try {
          return await hold(timeoutMs)
        } catch (error) {
          const isRace = hasCode(error, 'CONFLICT', 'ALREADY_EXISTS', 'NOT_FOUND')
          // Somebody else wrote, or the object is gone: look again. A look alone does not cost a leader one of its few rounds.
          if (isRace && (await refresh(timeoutMs)) && !isForeign() && attempt === 1) continue
          if (!isRace) options.onError?.(error)
          return false
        }
      }
    },
    /** Gives the lease back if it is ours, so that the next one need not wait. */
    async release(): Promise<void> {
      if (holderOf(seen?.lease) !== identity) return
      try {
        await write({ ...specFor('', 1), acquireTime: microTime(clock.now()) }, 5_000)
      } catch (error) {
        options.onError?.(error)
      }
    },
  }
}

const holderOf = (lease: JsonObject | undefined): string => stringAt(lease, 'spec', 'holderIdentity') ?? ''

/** metav1.MicroTime: RFC 3339 with exactly six digits. */
export const microTime = (ms: number): string => new Date(ms).toISOString().replace('Z', '000Z')
