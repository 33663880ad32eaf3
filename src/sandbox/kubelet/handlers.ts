import * as http from 'node:http'
import * as https from 'node:https'
import * as net from 'node:net'
import { listAt, numberAt, objectAt, stringAt, valueAt, type Json, type JsonObject } from '../../base/json.ts'
import { realPort } from '../network/addresses.ts'

/** The actions of probes and life-cycle hooks: httpGet, tcpSocket, exec, sleep. */

export interface HandlerTarget {
  readonly container: JsonObject
  readonly podAddress: string
  /** Runs a command inside the container. */
  exec(argv: readonly string[], timeoutMs: number): Promise<{ readonly code: number; readonly output: string }>
}

/** Undefined for success, else the kubelet's words for the failure. */
export type Outcome = string | undefined

/** Does what `handler` (a probe, or a hook's action) says. Never rejects. */
export async function runHandler(handler: unknown, target: HandlerTarget, timeoutMs: number): Promise<Outcome> {
  const get = valueAt(handler, 'httpGet')
  if (get !== undefined) return httpGet(get, target, timeoutMs)
  const tcp = valueAt(handler, 'tcpSocket')
  if (tcp !== undefined) return tcpSocket(tcp, target, timeoutMs)
  const exec = valueAt(handler, 'exec')
  if (exec !== undefined) {
    const argv = listAt(exec, 'command').filter((word) => typeof word === 'string')
    const { code, output } = await target.exec(argv, timeoutMs)
    return code === 0 ? undefined : output.trim() || `command terminated with exit code ${code}`
  }
  return `the sandbox has no such action: ${Object.keys(objectAt({ handler }, 'handler')).join(', ')}`
}

/** The number of a port that is given by number or by its name among the container's own ports. */
export function portNumber(port: Json | undefined, container: JsonObject): number | undefined {
  if (typeof port === 'number') return port
  if (typeof port !== 'string') return undefined
  if (/^\d+$/.test(port)) return Number(port)
  return numberAt(
    listAt(container, 'ports').find((candidate) => stringAt(candidate, 'name') === port),
    'containerPort',
  )
}

function httpGet(get: unknown, target: HandlerTarget, timeoutMs: number): Promise<Outcome> {
  const port = portNumber(objectAt({ get }, 'get')['port'], target.container)
  if (port === undefined) return Promise.resolve(`couldn't find port: ${JSON.stringify(valueAt(get, 'port'))}`)
  const host = stringAt(get, 'host') ?? target.podAddress
  const isTls = stringAt(get, 'scheme') === 'HTTPS'
  const path = stringAt(get, 'path') ?? '/'
  const url = `${isTls ? 'https' : 'http'}://${host}:${port}${path.startsWith('/') ? path : `/${path}`}`
  const given = Object.fromEntries(listAt(get, 'httpHeaders').map((header) => [stringAt(header, 'name') ?? '', stringAt(header, 'value') ?? '']))
  const headers = { 'user-agent': 'kube-probe/1.34', accept: '*/*', connection: 'close', host: `${host}:${port}`, ...given }
  const options = { host, port: realPort(port), path: new URL(url).pathname + new URL(url).search, headers, agent: false, signal: AbortSignal.timeout(timeoutMs) }
  return new Promise((resolve) => {
    const onResponse = (response: http.IncomingMessage): void => {
      const status = response.statusCode ?? 0
      response.destroy()
      resolve(status >= 200 && status < 400 ? undefined : `HTTP probe failed with statuscode: ${status}`)
    }
    const request = isTls ? https.get({ ...options, rejectUnauthorized: false }, onResponse) : http.get(options, onResponse)
    request.on('error', (error) => resolve(`Get "${url}": ${goNetworkError(error, host, port)}`))
  })
}

function tcpSocket(tcp: unknown, target: HandlerTarget, timeoutMs: number): Promise<Outcome> {
  const port = portNumber(objectAt({ tcp }, 'tcp')['port'], target.container)
  if (port === undefined) return Promise.resolve(`couldn't find port: ${JSON.stringify(valueAt(tcp, 'port'))}`)
  const host = stringAt(tcp, 'host') ?? target.podAddress
  return new Promise((resolve) => {
    const socket = net.connect({ host, port: realPort(port), signal: AbortSignal.timeout(timeoutMs) }, () => {
      socket.destroy()
      resolve(undefined)
    })
    socket.on('error', (error) => resolve(goNetworkError(error, host, port)))
  })
}

/** Go's words, because people search for them. */
function goNetworkError(error: NodeJS.ErrnoException, host: string, port: number): string {
  if (error.name === 'AbortError' || error.name === 'TimeoutError') return 'context deadline exceeded (Client.Timeout exceeded while awaiting headers)'
  if (error.code === 'ECONNREFUSED') return `dial tcp ${host}:${port}: connect: connection refused`
  if (error.code === 'ECONNRESET') return 'EOF'
  return error.message
}
