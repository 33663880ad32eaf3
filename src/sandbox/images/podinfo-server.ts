import type { IncomingMessage, ServerResponse } from 'node:http'
import { createPodinfoMetrics } from './podinfo-metrics.ts'
import type { PodinfoFlags } from './podinfo-flags.ts'

export interface PodinfoFacts {
  readonly version: string
  readonly hostname: string
  readonly env: Readonly<Record<string, string | undefined>>
  /** From 0 up to but not including 1. */
  readonly random: () => number
}

export interface Podinfo {
  readonly handle: (request: IncomingMessage, response: ServerResponse) => void
  /** From now on it is neither healthy nor ready. */
  stop(): void
}

type Handler = (request: IncomingMessage, response: ServerResponse, argument: string) => void | Promise<void>

interface Route {
  readonly methods: readonly string[] | 'any'
  readonly path: RegExp
  /** The path's name in metrics. */
  readonly title: string
  readonly handler: Handler
}

/** What podinfo answers to its endpoints. Observed on podinfo 6.9.2: status codes, headers and bodies are its own. */
export function createPodinfo(flags: PodinfoFlags, facts: PodinfoFacts): Podinfo {
  const state = { isReady: !flags.isUnready, isHealthy: !flags.isUnhealthy }
  const metrics = createPodinfoMetrics()
  const routes = [...infoRoutes(flags, facts), ...healthRoutes(state), ...behaviourRoutes()]
  const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const path = new URL(request.url ?? '/', 'http://podinfo').pathname
    if (path === '/metrics') return void response.setHeader('content-type', 'text/plain; version=0.0.4; charset=utf-8').end(metrics.print())
    const route = routes.find((candidate) => candidate.path.test(path))
    if (!route) return sendText(response, 404, '404 page not found\n')
    if (route.methods !== 'any' && !route.methods.includes(request.method ?? '')) return sendEmpty(response, 405)
    const began = performance.now()
    response.once('finish', () => metrics.observe(request.method ?? '', route.title, response.statusCode, (performance.now() - began) / 1000))
    if (flags.isRandomDelay) await delay(flags.delayMinMs + facts.random() * (flags.delayMaxMs - flags.delayMinMs))
    const failure = flags.isRandomError ? randomFailure(facts.random) : undefined
    if (failure !== undefined) return sendEmpty(response, failure)
    await route.handler(request, response, route.path.exec(path)?.[1] ?? '')
  }
  return {
    handle: (request, response) => void serve(request, response).catch(() => response.destroy()),
    stop: () => Object.assign(state, { isReady: false, isHealthy: false }),
  }
}

/** `--random-error`: of every three requests one fails, with 500, 400 or 409 alike. Probes too. */
function randomFailure(random: () => number): number | undefined {
  return Math.floor(random() * 3) === 0 ? [500, 400, 409][Math.floor(random() * 3)] : undefined
}

function infoRoutes(flags: PodinfoFlags, { version, hostname, env }: PodinfoFacts): readonly Route[] {
  const info: Handler = (_request, response) =>
    sendJson(response, 200, {
      hostname,
      version,
      revision: 'sandbox',
      color: flags.color,
      logo: flags.logo,
      message: flags.message || `greetings from podinfo v${version}`,
      goos: 'linux',
      goarch: 'amd64',
      runtime: `node${process.version.slice(1)}`,
      num_goroutine: '8',
      num_cpu: '1',
    })
  return [
    { methods: ['GET'], path: /^\/$/, title: 'root', handler: info },
    { methods: ['GET'], path: /^\/api\/info$/, title: 'api_info', handler: info },
    { methods: ['GET'], path: /^\/version$/, title: 'version', handler: (_request, response) => sendJson(response, 200, { commit: 'sandbox', version }) },
    { methods: ['GET', 'POST'], path: /^\/env$/, title: 'env', handler: (_request, response) => sendJson(response, 200, Object.entries(env).map(([name, value]) => `${name}=${value}`)) },
    { methods: ['GET', 'POST'], path: /^\/headers$/, title: 'headers', handler: (request, response) => sendJson(response, 200, goHeaders(request, version)) },
    {
      methods: 'any',
      path: /^(?:\/api)?\/echo(?:\/.*)?$/,
      title: 'echo',
      handler: async (request, response) => {
        response.writeHead(202, { 'x-color': flags.color, 'content-type': 'text/plain; charset=utf-8' })
        for await (const chunk of request) response.write(chunk)
        response.end()
      },
    },
  ]
}

function healthRoutes(state: { isReady: boolean; isHealthy: boolean }): readonly Route[] {
  const answer = (isWell: () => boolean): Handler => (_request, response) => (isWell() ? sendJson(response, 200, { status: 'OK' }) : sendEmpty(response, 503))
  const set = (isReady: boolean): Handler => (_request, response) => {
    state.isReady = isReady
    sendEmpty(response, 202)
  }
  return [
    { methods: ['GET'], path: /^\/healthz$/, title: 'healthz', handler: answer(() => state.isHealthy) },
    { methods: ['GET'], path: /^\/readyz$/, title: 'readyz', handler: answer(() => state.isReady) },
    { methods: ['POST'], path: /^\/readyz\/enable$/, title: 'readyz_enable', handler: set(true) },
    { methods: ['POST'], path: /^\/readyz\/disable$/, title: 'readyz_disable', handler: set(false) },
    { methods: ['GET'], path: /^\/panic$/, title: 'panic', handler: () => process.exit(255) },
  ]
}

function behaviourRoutes(): readonly Route[] {
  const chunked: Handler = async (_request, response, argument) => {
    const seconds = argument === '' ? Math.max(1, Math.floor(Math.random() * 10)) : Number(argument)
    response.writeHead(200, { 'x-content-type-options': 'nosniff', 'transfer-encoding': 'chunked' })
    response.flushHeaders()
    await delay(seconds * 1000)
    response.end(pretty({ delay: seconds }))
  }
  return [
    { methods: ['GET', 'POST', 'PUT'], path: /^\/status\/(\d+)$/, title: 'status', handler: (_request, response, code) => sendStatus(response, Number(code)) },
    {
      methods: ['GET'],
      path: /^\/delay\/(\d+)$/,
      title: 'delay',
      handler: async (_request, response, seconds) => {
        await delay(Number(seconds) * 1000)
        sendJson(response, 200, { delay: Number(seconds) })
      },
    },
    { methods: 'any', path: /^\/chunked(?:\/(\d+))?$/, title: 'chunked', handler: chunked },
  ]
}

const delay = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

const pretty = (value: unknown): string => JSON.stringify(value, undefined, 2)

function sendJson(response: ServerResponse, status: number, value: unknown): void {
  const body = pretty(value)
  response.writeHead(status, { 'content-type': 'application/json; charset=utf-8', 'x-content-type-options': 'nosniff', 'content-length': Buffer.byteLength(body) })
  response.end(body)
}

/** A code that HTTP does not know as a final one is 500, as Go's server would refuse it. */
function sendStatus(response: ServerResponse, code: number): void {
  if (code < 200 || code > 999) return sendEmpty(response, 500)
  if (code === 204 || code === 304) return void response.writeHead(code).end()
  sendJson(response, code, { status: code })
}

function sendText(response: ServerResponse, status: number, body: string): void {
  response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8', 'x-content-type-options': 'nosniff', 'content-length': Buffer.byteLength(body) })
  response.end(body)
}

const sendEmpty = (response: ServerResponse, status: number): void => void response.writeHead(status, { 'content-length': 0 }).end()

/** Go's view of the headers: canonical names, lists of values, without Host; podinfo adds its version. */
function goHeaders(request: IncomingMessage, version: string): Record<string, readonly string[]> {
  const canonical = (name: string): string => name.replaceAll(/(^|-)([a-z])/g, (_match, dash: string, letter: string) => dash + letter.toUpperCase())
  const all = Object.entries(request.headersDistinct).flatMap(([name, values]) => (values === undefined || name === 'host' ? [] : [[canonical(name), values] as const]))
  return Object.fromEntries([...all, ['X-Api-Revision', ['sandbox']] as const, ['X-Api-Version', [version]] as const].toSorted(([a], [b]) => (a < b ? -1 : 1)))
}
