import { fileURLToPath } from 'node:url'
import type { Peer } from './peer.ts'

export const httpProxy: Peer = {
  name: 'http-proxy',
  missing: () => undefined,
  cannot: { grpc: 'it speaks HTTP/1.1 alone' },
  prepare: ({ primary, canary, port }) => ({
    command: process.execPath,
    args: [fileURLToPath(new URL('http-proxy-server.ts', import.meta.url)), String(port), String(primary), String(canary)],
  }),
}
