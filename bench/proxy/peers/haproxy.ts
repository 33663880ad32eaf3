import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { findProgram, installHint, type Peer } from './peer.ts'

export const haproxy: Peer = {
  name: 'haproxy',
  missing: () => (findProgram('haproxy') === undefined ? `no program haproxy: ${installHint}` : undefined),
  prepare: ({ primary, canary, port, folder }) => {
    const file = join(folder, 'haproxy.cfg')
    writeFileSync(file, config(primary, canary, port))
    return { command: findProgram('haproxy') ?? 'haproxy', args: ['-db', '-f', file] }
  },
}

const config = (primary: number, canary: number, port: number): string => `
global
  nbthread 1
  maxconn 9000
defaults
  mode http
  option http-keep-alive
  option forwardfor
  http-reuse always
  timeout connect 1s
  timeout client 75s
  timeout server 300s
frontend route
  bind 127.0.0.1:${port} backlog 1024
  use_backend canary if { req.hdr(x-canary) -m str always }
  use_backend canary if { rand(100) lt 10 }
  default_backend primary
backend primary
  server app 127.0.0.1:${primary}
backend canary
  server app 127.0.0.1:${canary}
`
