import { direct } from './direct.ts'
import { envoy } from './envoy.ts'
import { haproxy } from './haproxy.ts'
import { httpProxy } from './http-proxy.ts'
import { kinglet } from './kinglet.ts'
import { nginx } from './nginx.ts'
import type { Peer } from './peer.ts'

export const peers: readonly Peer[] = [direct, kinglet, envoy, haproxy, nginx, httpProxy]
