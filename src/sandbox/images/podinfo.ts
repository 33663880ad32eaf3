/**
 * An imitation of podinfo's interface (github.com/stefanprodan/podinfo, 6.9), for clusters without the real one: the endpoints and flags
 * that demonstrations and tests of delivery use. Runs as the program of the image `podinfo:*` in the sandbox, alone without it too.
 */
import * as http from 'node:http'
import * as os from 'node:os'
import { runPodcli } from './podcli.ts'
import { parsePodinfoFlags } from './podinfo-flags.ts'
import { createPodinfo } from './podinfo-server.ts'

const [first, ...rest] = process.argv.slice(2)
if (first === 'podcli') process.exit(await runPodcli(rest))

const flags = parsePodinfoFlags(process.argv.slice(2), process.env)
const version = (process.env['KINGLET_SANDBOX_IMAGE_TAG'] ?? '6.9.2').replace(/^v/, '')
const podinfo = createPodinfo(flags, { version, hostname: os.hostname(), random: Math.random, env: process.env })
const server = http.createServer(podinfo.handle)

/** One line per event, in the shape of podinfo's own logs. */
const log = (message: string, fields: object = {}): void =>
  void process.stdout.write(`${JSON.stringify({ level: 'info', ts: new Date().toISOString(), caller: 'podinfo', msg: message, ...fields })}\n`)

server.keepAliveTimeout = 60_000
server.listen(flags.port, flags.host, () => log('Starting podinfo', { version, port: String(flags.port) }))

const message = flags.message || `greetings from podinfo v${version}`
const grpc = flags.grpcPort > 0 ? (await import('./podinfo-grpc.ts')).listenGrpc(flags, { hostname: os.hostname(), version, message }) : undefined

let isStopping = false
const stop = (): void => {
  if (isStopping) return
  isStopping = true
  // Unready first; the endpoints' watchers get three seconds, then open requests may end. With level debug podinfo does not wait.
  podinfo.stop()
  log('Shutting down HTTP/HTTPS server', { timeout: 5 })
  setTimeout(
    () => {
      grpc?.close()
      server.close(() => process.exit(0))
      server.closeIdleConnections()
      setTimeout(() => process.exit(0), 5000).unref()
    },
    flags.level === 'debug' ? 0 : 3000,
  )
}
process.on('SIGTERM', stop)
process.on('SIGINT', stop)
