import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { findProgram, installHint, type Peer, type Setting } from './peer.ts'

export const haproxy: Peer = {
  name: 'haproxy',
  hasGrpcPort: true,
  missing: () => (findProgram('haproxy') === undefined ? `no program haproxy: ${installHint}` : undefined),
  prepare: (setting) => {
    const file = join(setting.folder, 'haproxy.cfg')
    writeFileSync(file, config(setting))
    return { command: findProgram('haproxy') ?? 'haproxy', args: ['-db', '-f', file] }
  },
}

const config = ({ primary, canary, port, grpcPort }: Setting): string => `
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
frontend grpc
  bind 127.0.0.1:${grpcPort} backlog 1024 proto h2
  use_backend grpc-canary if { req.hdr(x-canary) -m str always }
  use_backend grpc-canary if { rand(100) lt 10 }
  default_backend grpc-primary
backend grpc-primary
  server app 127.0.0.1:${primary} proto h2
backend grpc-canary
  server app 127.0.0.1:${canary} proto h2
`
