import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { freePort, startService, type Service } from './processes.ts'

/** An app on node:http, in the process of the test, whose answers are that long. */
export async function startAppOf(bytes: number): Promise<{ readonly port: number; close(): void }> {
  const body = Buffer.alloc(bytes, 'b')
  const server = createServer((request, response) => void request.resume().on('end', () => response.end(body))).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    close: () => {
      server.close()
      server.closeAllConnections()
    },
  }
}

/** An app that is a process of its own, to be stopped and killed; it answers `ok`. */
export async function startAppProcess(port?: number): Promise<Service> {
  const at = port ?? (await freePort())
  return startService('node', ['-e', `require('node:http').createServer((request, response) => response.end('ok')).listen(${at}, '127.0.0.1')`], at)
}
