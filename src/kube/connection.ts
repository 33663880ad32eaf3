import http from 'node:http'
import https from 'node:https'
import { AppError, describeError } from '../base/errors.ts'

/** How to reach one API server as one user. */
export interface KubeConnection {
  /** Base URL, without a slash at its end. */
  readonly server: string
  /** The context's namespace, `default` where it names none. */
  readonly namespace: string
  /** Fresh credentials for one request. `force` says that the last ones were refused. */
  authorize(force: boolean): Promise<Authorization>
  /** Closes the idle connections. */
  close(): void
}

export interface Authorization {
  readonly headers: Readonly<Record<string, string>>
  readonly agent: http.Agent
}

export interface TlsMaterial {
  readonly ca?: string | Buffer | undefined
  readonly cert?: string | Buffer | undefined
  readonly key?: string | Buffer | undefined
  readonly servername?: string | undefined
  readonly rejectUnauthorized?: boolean | undefined
}

/** Free sockets close before the API server's own 90 s (Go's idle time-out), so that none is used while it is being closed. */
const freeSocketMs = 55_000

/** Keep-alive agents for one server; a new one when the certificates change. */
export function createAgents(secure: boolean): { agentFor(material: TlsMaterial): http.Agent; close(): void } {
  let current: { readonly material: TlsMaterial; readonly agent: http.Agent } | undefined
  const options = { keepAlive: true, keepAliveMsecs: 15_000, timeout: freeSocketMs, maxFreeSockets: 16, scheduling: 'lifo' as const }
  return {
    agentFor(material) {
      if (current && sameMaterial(current.material, material)) return current.agent
      // The old one is not destroyed: watches run on it. Its idle connections end by their time-out.
      const agent = secure ? new https.Agent({ ...options, ...definedOnly(material) }) : new http.Agent(options)
      current = { material, agent }
      return agent
    },
    close: () => current?.agent.destroy(),
  }
}

/** A connection with credentials that do not change: tests, the sandbox, tools. */
export function connectTo(options: TlsMaterial & { readonly server: string; readonly token?: string; readonly namespace?: string }): KubeConnection {
  const { server, token, namespace, ...material } = options
  const agents = createAgents(server.startsWith('https:'))
  const headers: Record<string, string> = token === undefined ? {} : { authorization: `Bearer ${token}` }
  return {
    server: server.replace(/\/$/, ''),
    namespace: namespace ?? 'default',
    authorize: () => Promise.resolve({ headers, agent: agents.agentFor(material) }),
    close: () => agents.close(),
  }
}

/** Translates what went wrong before an answer came. Codes: UNAVAILABLE (retryable), UNTRUSTED. */
export function connectionError(error: unknown, what: string): AppError {
  const code = error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : ''
  const untrusted = /CERT|SIGNATURE|SELF_SIGNED|ISSUER|ERR_TLS|ERR_SSL/.test(code)
  return new AppError(untrusted ? 'UNTRUSTED' : 'UNAVAILABLE', `${what}: ${describeError(error)}`, { cause: error, retryable: !untrusted })
}

const sameMaterial = (a: TlsMaterial, b: TlsMaterial): boolean =>
  sameBytes(a.ca, b.ca) && sameBytes(a.cert, b.cert) && sameBytes(a.key, b.key) && a.servername === b.servername && a.rejectUnauthorized === b.rejectUnauthorized

const sameBytes = (a: string | Buffer | undefined, b: string | Buffer | undefined): boolean =>
  a === b || (a !== undefined && b !== undefined && Buffer.from(a).equals(Buffer.from(b)))

const definedOnly = (material: TlsMaterial): https.AgentOptions =>
  Object.fromEntries(Object.entries(material).filter(([, value]) => value !== undefined))
