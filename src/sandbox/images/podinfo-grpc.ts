import * as http2 from 'node:http2'
import type { PodinfoFlags } from './podinfo-flags.ts'

/** Numbers of the fields of podinfo's InfoResponse (pkg/api/grpc/info/info.proto). */
const infoFields = { hostname: 1, version: 2, message: 6 } as const

/** podinfo's gRPC port, as far as clients of a delivery look: `info.InfoService/Info`, and gRPC's own health check. */
export function listenGrpc(flags: Pick<PodinfoFlags, 'host' | 'grpcPort'>, info: Readonly<Record<keyof typeof infoFields, string>>): { close(): void } {
  const answers: Readonly<Record<string, Buffer>> = {
    '/info.InfoService/Info': Buffer.concat(Object.entries(infoFields).map(([name, number]) => stringField(number, info[name as keyof typeof infoFields]))),
    // HealthCheckResponse{status: SERVING}
    '/grpc.health.v1.Health/Check': Buffer.from([0x08, 0x01]),
  }
  const sessions = new Set<http2.ServerHttp2Session>()
  const server = http2.createServer()
  server.on('session', (session) => {
    sessions.add(session)
    session.on('close', () => sessions.delete(session))
    session.on('error', () => undefined)
  })
  server.on('stream', (stream, head) => {
    stream.on('error', () => undefined)
    const answer = answers[head[':path'] ?? '']
    if (answer) reply(stream, answer)
    else stream.respond({ ':status': 200, 'content-type': 'application/grpc', 'grpc-status': '12' }, { endStream: true })
  })
  server.listen(flags.grpcPort, flags.host)
  return {
    close: () => {
      server.close()
      // GOAWAY; calls under way end in their time.
      for (const session of sessions) session.close()
    },
  }
}

function reply(stream: http2.ServerHttp2Stream, message: Buffer): void {
  const prefix = Buffer.alloc(5)
  prefix.writeUInt32BE(message.length, 1)
  stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true })
  stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }))
  stream.resume()
  stream.end(Buffer.concat([prefix, message]))
}

/** A string in protobuf, shorter than 128 bytes. */
function stringField(number: number, text: string): Buffer {
  const bytes = Buffer.from(text).subarray(0, 127)
  return Buffer.concat([Buffer.from([(number << 3) | 2, bytes.length]), bytes])
}
