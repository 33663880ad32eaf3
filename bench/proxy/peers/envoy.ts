import { globSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { findProgram, installHint, isExecutable, type Peer, type Setting } from './peer.ts'

/** The binary itself: the program of that name in a Python environment is a script that starts it. */
function findEnvoy(): string | undefined {
  const installed = globSync('../../.peers/lib/python3*/site-packages/envoy/_bin/envoy', { cwd: fileURLToPath(new URL('.', import.meta.url)) })
  return process.env['ENVOY'] ?? installed.map((path) => fileURLToPath(new URL(path, import.meta.url))).find(isExecutable) ?? findProgram('envoy')
}

export const envoy: Peer = {
  name: 'envoy',
  hasGrpcPort: true,
  missing: () => (findEnvoy() === undefined ? `no program envoy: ${installHint}, or ENVOY names it` : undefined),
  prepare: ({ primary, canary, port, grpcPort, folder }) => {
    const file = join(folder, 'envoy.json')
    writeFileSync(file, JSON.stringify(config({ port, grpcPort }, [cluster('primary', primary), cluster('canary', canary), cluster('grpc-primary', primary, true), cluster('grpc-canary', canary, true)])))
    return { command: findEnvoy() ?? 'envoy', args: ['-c', file, '--concurrency', '1', '--use-dynamic-base-id', '--log-level', 'error'] }
  },
}

const address = (port: number) => ({ socket_address: { address: '127.0.0.1', port_value: port } })

const cluster = (name: string, port: number, speaksHttp2 = false) => ({
  name,
  type: 'STATIC',
  connect_timeout: '1s',
  circuit_breakers: { thresholds: [{ max_connections: 20_000, max_pending_requests: 20_000, max_requests: 20_000 }] },
  ...(speaksHttp2
    ? { typed_extension_protocol_options: { 'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': { '@type': 'type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions', explicit_http_config: { http2_protocol_options: {} } } } }
    : {}),
  load_assignment: { cluster_name: name, endpoints: [{ lb_endpoints: [{ endpoint: { address: address(port) } }] }] },
})

const route = (prefix: string) => ({
  name: 'routes',
  virtual_hosts: [
    {
      name: 'all',
      domains: ['*'],
      routes: [
        { match: { prefix: '/', headers: [{ name: 'x-canary', string_match: { exact: 'always' } }] }, route: { cluster: `${prefix}canary`, timeout: '0s' } },
        {
          match: { prefix: '/' },
          route: {
            timeout: '0s',
            weighted_clusters: {
              clusters: [
                { name: `${prefix}primary`, weight: 90 },
                { name: `${prefix}canary`, weight: 10 },
              ],
            },
          },
        },
      ],
    },
  ],
})

const listener = (name: string, port: number, clusterPrefix: string) => ({
  name,
  address: address(port),
  filter_chains: [
    {
      filters: [
        {
          name: 'envoy.filters.network.http_connection_manager',
          typed_config: {
            '@type': 'type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager',
            stat_prefix: name,
            codec_type: 'AUTO',
            use_remote_address: true,
            route_config: route(clusterPrefix),
            http_filters: [{ name: 'envoy.filters.http.router', typed_config: { '@type': 'type.googleapis.com/envoy.extensions.filters.http.router.v3.Router' } }],
          },
        },
      ],
    },
  ],
})

const config = ({ port, grpcPort }: Pick<Setting, 'port' | 'grpcPort'>, clusters: readonly object[]): object => ({
  static_resources: { listeners: [listener('route', port, ''), listener('grpc', grpcPort, 'grpc-')], clusters },
})
