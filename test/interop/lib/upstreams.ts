import { createServer } from 'node:http'
import { mkdtempSync, writeFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort, startService } from './processes.ts'
import { goProgram, peerFile, python } from './tools.ts'

/** A server that others have written, ready to be the app behind a sidecar: it answers 200 and keeps connections. */
export interface Upstream {
  readonly port: number
  stop(): Promise<void>
}

const file = (name: string, text: string): string => {
  const path = join(mkdtempSync(join(tmpdir(), 'kinglet-interop-')), name)
  writeFileSync(path, text)
  return path
}

async function startNode(): Promise<Upstream> {
  const server = createServer((request, response) => {
    request.resume().on('end', () => response.end(`${request.method} ${request.url}`))
  })
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  const stop = (): Promise<void> => {
    server.closeAllConnections()
    return new Promise((resolve) => void server.close(() => resolve()))
  }
  return { port: (server.address() as AddressInfo).port, stop }
}

async function startGo(): Promise<Upstream> {
  const port = await freePort()
  return startService(goProgram('go-http'), ['serve', String(port)], port)
}

async function startPython(): Promise<Upstream> {
  const port = await freePort()
  return startService(python, [peerFile('python-server.py'), String(port)], port)
}

async function startNginx(): Promise<Upstream> {
  const port = await freePort()
  const config = file(
    'nginx.conf',
    `daemon off; master_process off; error_log stderr crit; pid ${tmpdir()}/kinglet-nginx-${port}.pid;
events { worker_connections 512; }
http {
  access_log off; client_body_temp_path ${tmpdir()}; keepalive_requests 1000000;
  server { listen 127.0.0.1:${port}; location / { return 200 "$request_method $request_uri"; } }
}`,
  )
  return startService('nginx', ['-c', config], port)
}

async function startHaproxy(): Promise<Upstream> {
  const port = await freePort()
  const config = file(
    'haproxy.cfg',
    `global
  maxconn 500
defaults
  mode http
  timeout client 20s
  timeout server 20s
  timeout connect 5s
  timeout http-request 20s
frontend app
  bind 127.0.0.1:${port}
  option http-buffer-request
  http-request return status 200 content-type text/plain lf-string "%[method] %[path]"
`,
  )
  return startService('haproxy', ['-db', '-f', config], port)
}

export const upstreams: Readonly<Record<string, () => Promise<Upstream>>> = {
  'node:http': startNode,
  'Go’s net/http': startGo,
  'Python’s http.server': startPython,
  nginx: startNginx,
  HAProxy: startHaproxy,
}
