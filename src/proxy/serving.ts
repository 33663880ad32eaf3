/**
 * Where one request is served, and who is charged for what becomes of it. Answers: the place to try, the place after that, one
 * record for each place that is to be charged. Must not: touch a socket.
 *
 * Charged is the track that failed or served; never the client's own abort, never our own mistake, never an app whose pod goes away.
 */
import type { Outcome, Reason, Track } from '../api/protocol.ts'
import type { Protocol } from '../metrics/recorder.ts'
import { afterFailure, type Step } from '../routing/after-failure.ts'
import { note } from '../routing/ejection.ts'
import { routeClass } from '../routing/route-class.ts'
import { planRequest, type Plan } from '../routing/policy.ts'
import type { RequestView } from '../routing/request-view.ts'
import { isRetriable, retryWaitMs, type Ending } from '../routing/retry.ts'
import { choices } from '../routing/routes.ts'
import { isAnotherTry, lastNews, type ClientMemory, type FailedTry } from './another-try.ts'
import type { Engine } from './engine.ts'
import type { RequestHead } from './http/request-head.ts'
import type { ActiveRoutes, Place } from './live-routes.ts'
import { openMirror, type MirrorCharge } from './mirror-charge.ts'
import { classOf, isFailure, outcomeOf, type Failure } from './outcomes.ts'

/** A client that goes away sooner may have changed its mind; after that it has waited in vain. Milliseconds. */
const patienceMs = 1000

/**
 * Waits before the attempts by way of the primary's Service, milliseconds. kube-proxies learn late that a pod goes away and may lead
 * back to one that refuses, this one even; a second in all is more than they need, and no client's time-out.
 */
const serviceWaitsMs = [0, 50, 100, 200, 300, 350]

const none: readonly string[] = []

/** What is known about a failed attempt. */
export interface Circumstances {
  readonly failure: Failure
  /** The connection had served a request before, and has not answered this one. */
  readonly isReused: boolean
  /** False where a pod that goes away said so itself, or where this sidecar lacks the means. */
  readonly isItsFault: boolean
  /** The whole request is still at hand. */
  readonly canReplay: boolean
}

export interface ServedRequest extends Pick<RequestHead, 'method' | 'isHop'> {
  /** Where it is not the beginning of `forward`, the head as it goes upstream. */
  readonly target?: string
  readonly forward?: string
  /** Default: `http1`. */
  readonly protocol?: Protocol
  /** It is more than a request: no copy can be made of it. */
  readonly upgrade?: boolean
  /** It is bytes of the app's own protocol: what a service asks of requests is not about it. */
  readonly isOpaque?: boolean
}

/** Empty where there is none. */
function targetOf({ method, target, forward = '' }: ServedRequest): string {
  return target ?? forward.slice(method.length + 1, Math.max(0, forward.indexOf(' ', method.length + 1)))
}

const noPlaces: ReadonlySet<Place> = new Set()

export class Serving {
  readonly reason: Reason
  /** Where it is being served. */
  place: Place
  private readonly engine: Engine
  private readonly port: 'route' | 'direct'
  private readonly head: ServedRequest
  /** Whose next tries are to be told from new failures, and what it may be trying again; undefined for connections of bytes. */
  private client: ClientMemory | undefined
  private news: FailedTry | undefined
  private readonly protocol: Protocol
  /** The table that the request started with. */
  private readonly active: ActiveRoutes
  private readonly track: Track
  private readonly cookies: readonly string[]
  /** What the service's policy makes of this request; undefined without one, or where it is not about this request. */
  readonly plan: Plan | undefined
  /** The copy of this request that the canary gets; undefined nearly always. */
  readonly mirror: MirrorCharge | undefined
  private retriesLeft = 0
  /** Replaced, not changed: nearly every request leaves it as it is. */
  private tried: ReadonlySet<Place> = noPlaces
  /** When the present attempt began and got its response head, on performance.now's clock. */
  private startedAt: number
  private headAt = 0
  private isOver = false
  private serviceAttempts = 0
  /** Whether the weight has decided, and then whether anybody has been charged for it yet. */
  private drawing: 'none' | 'open' | 'charged' = 'none'

  /** Chooses the first place. `view` is what rules see of the request: for HTTP/1 the engine's parser, which must still hold it. */
  constructor(engine: Engine, port: 'route' | 'direct', head: ServedRequest, startedAt: number, view: RequestView = engine.requestParser) {
    this.engine = engine
    this.port = port
    this.head = head
    this.protocol = head.protocol ?? 'http1'
    this.startedAt = startedAt
    this.active = engine.live.active
    this.active.book.inFlight += 1
    engine.counters.requestsInFlight += 1
    if (port === 'direct') {
      this.place = this.active.local
      this.track = this.place.track
      this.reason = head.isHop ? 'hop' : 'direct'
      this.cookies = none
      this.plan = undefined
      this.mirror = undefined
    } else {
      const policy = head.isOpaque ? undefined : this.active.routes.policy
      this.plan = policy && planRequest(policy, view)
      this.retriesLeft = this.plan?.retries?.attempts ?? 0
      const isRouted = !policy || (this.plan !== undefined && !this.plan.preflight)
      const choice = isRouted ? engine.live.choose(view, startedAt) : choices.primaryAlone
      this.track = choice.track
      this.reason = choice.reason
      this.cookies = choice.setCookies
      this.place = engine.live.firstPlace(this.active, choice.track)
      const mirrorTo = this.active.routes.mirrorParts > 0 && isRouted && choice.track === 'primary' && !head.upgrade ? engine.live.mirrorPlace(this.active, startedAt) : undefined
      this.mirror = mirrorTo && openMirror(engine, this.active, mirrorTo, this.protocol)
      if (choice.isDrawn) {
        this.drawing = 'open'
        this.active.book.draws[choice.track].requests += 1
      }
    }
  }

  /** The connection by which the request has just come. */
  cameBy(client: ClientMemory): void {
    this.client = client
    this.news = lastNews(client, this.startedAt)
  }

  /** Values of Set-Cookie for the response: of the track that was chosen, not of one that stands in for it. */
  get setCookies(): readonly string[] {
    return this.place.track === this.track ? this.cookies : none
  }

  /** The response's head has come. */
  gotHead(): void {
    this.headAt = performance.now()
  }

  /** Time to the head, whole microseconds. */
  get serviceTimeUs(): number {
    return Math.max(0, Math.round((this.headAt - this.startedAt) * 1000))
  }

  /** The app next door has refused: a client that connects anew is better off. */
  get isDisplaced(): boolean {
    return this.tried.has(this.active.local)
  }

  /** The next place for a request whose attempt has failed, `fresh` if only a new connection will do; undefined where it ends here. */
  next(circumstances: Circumstances): { readonly fresh: boolean; readonly afterMs: number } | undefined {
    const { failure, isItsFault, canReplay } = circumstances
    const step = this.stepAfter(circumstances)
    if (step === 'again') return { fresh: true, afterMs: 0 }
    if (step === 'primary' && this.goToPrimary('reset')) return { fresh: false, afterMs: 0 }
    const { service } = this.active
    const isPod = !this.place.isLocal && this.place !== service
    // The Service may lead to another pod the next time.
    if (this.place !== service && step === 'elsewhere') this.tried = new Set([...this.tried, this.place])
    const place = step === 'elsewhere' ? this.engine.live.nextPlace(this.active, this.track, this.tried) : undefined
    const afterMs = place === service ? serviceWaitsMs[this.serviceAttempts++] : 0
    const isOver = place === undefined || afterMs === undefined
    const retry = isOver ? this.retry({ failure, status: 0 }, canReplay, outcomeOf[failure]) : undefined
    if (retry) return retry
    if (isPod && isItsFault) this.charge(outcomeOf[failure])
    if (!isOver) {
      this.moveTo(place)
      // A connection leads to one pod: the Service is asked anew each time.
      return { fresh: place === service, afterMs }
    }
    if (!isPod) {
      // An app that is gone because its pod goes away has not failed.
      if (failure === 'unsent' && (this.engine.isDraining || !isItsFault)) this.active.book.recordProxyError()
      else this.charge(outcomeOf[failure])
    }
    this.end()
    return undefined
  }

  /**
   * Where the answer comes from instead of this one, that nobody has seen yet: the primary for a canary that has answered 5xx, another
   * attempt where the policy asks for it. Then `place` is that, and the track is charged with the status. Undefined: it stays.
   */
  replacementFor(status: number, canReplay: boolean, grpcStatus?: string): { readonly afterMs: number } | undefined {
    if (status >= 500 && this.stepAfter({ failure: 'status', isReused: false, isItsFault: true, canReplay }) === 'primary' && this.goToPrimary('5xx')) return { afterMs: 0 }
    if (this.retriesLeft === 0) return undefined
    return this.retry({ failure: 'status', status, ...(grpcStatus === undefined ? {} : { grpcStatus }) }, canReplay, grpcStatus === undefined ? classOf(status) : '5xx')
  }

  /** One more attempt where the policy asks for it: at another endpoint of the track, or at the same where there is no other. */
  private retry(ending: Ending, canReplay: boolean, outcome: Outcome): { readonly fresh: boolean; readonly afterMs: number } | undefined {
    const policy = this.plan?.retries
    if (!policy || this.retriesLeft === 0 || !canReplay || !isRetriable(policy, ending)) return undefined
    if (!this.place.isLocal) this.tried = new Set([...this.tried, this.place])
    const place = this.engine.live.placeForRetry(this.active, this.track, this.tried)
    if (!place) return undefined
    this.charge(outcome)
    this.retriesLeft -= 1
    this.engine.counters.retriedRequests += 1
    this.settleAt(place)
    return { fresh: false, afterMs: retryWaitMs(policy.attempts - this.retriesLeft) }
  }

  /** The response is complete, or has become a tunnel. */
  completed(status: number, serviceTimeUs: number | undefined): void {
    const total = performance.now() - this.startedAt
    // A hop's latency without the network and the second sidecar: its time to the head is replaced by what was measured beside the app.
    const isMeasured = !this.place.isLocal && serviceTimeUs !== undefined
    this.charge(status === 101 ? '1xx' : classOf(status), isMeasured ? Math.max(0, total - (this.headAt - this.startedAt)) + serviceTimeUs / 1000 : total)
    this.end()
  }

  /** A connection of bytes works; what was measured is the time until it was open. It may still fail. */
  opened(): void {
    this.charge('2xx', this.headAt - this.startedAt)
  }

  /** The response broke off, or was none. */
  failed(outcome: 'reset' | '5xx' | 'timeout'): void {
    this.charge(outcome)
    this.end()
  }

  clientAborted(): void {
    this.active.book.recordClientAbort()
    const { track, place } = this
    const hasWaited = this.headAt === 0 && performance.now() - this.startedAt >= patienceMs
    if (this.drawing === 'open' && hasWaited) this.active.book.draws.giveUp({ track, pod: place.track === track ? place.tally : undefined, route: this.routeClass() })
    this.end()
  }

  proxyFailed(): void {
    this.active.book.recordProxyError()
    this.end()
  }

  /** No more of this request, recorded or not. */
  end(): void {
    if (this.isOver) return
    this.isOver = true
    this.active.book.inFlight -= 1
    this.engine.counters.requestsInFlight -= 1
  }

  private stepAfter({ failure, isReused, isItsFault, canReplay }: Circumstances): Step {
    return afterFailure({
      port: this.port,
      track: this.place.track,
      self: this.active.local.track,
      isLocal: this.place.isLocal,
      failure,
      isReused,
      method: this.head.method,
      canReplay,
      // A pod that goes away is no failure that `off` wants seen.
      rescue: isItsFault ? this.active.routes.table.rescue : 'unsent',
    })
  }

  private routeClass(): string | undefined {
    const target = targetOf(this.head)
    return target === '' ? undefined : routeClass(this.head.method, target)
  }

  /** What is told of a drawn request that failed or was slow; all others pay nothing for it. */
  private remark(isFailure: boolean, isSlow: boolean): void {
    const { active, track, place, client, news, head } = this
    const isAnother = isFailure && client !== undefined && isAnotherTry(client, news, `${head.method} ${targetOf(head)}`, performance.now())
    active.book.draws.remark({ track, pod: place.tally, route: this.routeClass(), isFailure, isSlow, isAnotherTry: isAnother })
  }

  private goToPrimary(outcome: Outcome): boolean {
    const primary = this.engine.live.primaryPlace(this.active)
    if (!primary) return false
    this.charge(outcome)
    this.moveTo(primary)
    return true
  }

  private moveTo(place: Place): void {
    this.engine.counters.rescuedRequests += 1
    this.settleAt(place)
  }

  private settleAt(place: Place): void {
    this.place = place
    this.startedAt = performance.now()
  }

  private charge(outcome: Outcome, latencyMs = performance.now() - this.startedAt): void {
    const { place, active, drawing } = this
    active.book.record(place.track, this.reason, outcome, latencyMs, this.protocol)
    if (!place.isLocal) note(place.pool.health, isFailure[outcome], performance.now())
    if (drawing === 'none') return
    this.drawing = 'charged'
    const { draws } = active.book
    if (drawing !== 'open' || place.track !== this.track) return draws.repeat(place.track, isFailure[outcome])
    if (place.tally) place.tally.requests += 1
    const isSlow = latencyMs > draws.slowMs
    if (isFailure[outcome] || isSlow) this.remark(isFailure[outcome], isSlow)
  }
}
