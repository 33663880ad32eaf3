import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ask, get } from '../../src/proxy/testing/raw-client.ts'
import { startEchoApp, type EchoApp } from './lib/echo-app.ts'
import { startSidecar, type Sidecar } from './lib/sidecar.ts'
import { run } from './lib/tools.ts'

const seconds = 8

describe('slowhttptest stops nobody else', () => {
  let app: EchoApp
  let sidecar: Sidecar
  beforeAll(async () => {
    app = await startEchoApp()
    // Room for the slow ones and a few others; the times are those of the defaults, shorter.
    sidecar = await startSidecar(app.port, ['--max-connections', '500', '--head-timeout-ms', '2000', '--body-timeout-ms', '2000', '--linger-ms', '500'])
  })
  afterAll(async () => {
    await sidecar.stop()
    app.close()
  })

  it.each([
    ['heads that do not end', ['-H', '-i', '1', '-x', '24', '-p', '3']],
    ['bodies that do not end', ['-B', '-i', '1', '-s', '8192', '-x', '10', '-p', '3']],
    ['clients that hardly read', ['-X', '-n', '1', '-w', '10', '-y', '20', '-z', '8', '-k', '2', '-p', '3']],
  ])('%s', async (_attack, args) => {
    const url = `http://127.0.0.1:${sidecar.route}/bytes/300000`
    const where = mkdtempSync(join(tmpdir(), 'kinglet-slow-'))
    let isOver = false
    const attack = run('slowhttptest', ['-c', '300', '-r', '150', '-l', String(seconds), '-u', url, '-o', join(where, 'report'), ...args]).finally(() => (isOver = true))
    let served = 0
    while (!isOver) {
      expect((await ask(sidecar.route, get('/bytes/10'))).status).toBe(200)
      served += 1
    }
    // It has connected, or it has shown nothing.
    expect((await attack).stdout + (await attack).stderr).toMatch(/connected|closed|Exit status/i)
    expect(served).toBeGreaterThan(20)
    await expect.poll(async () => (await sidecar.stats()).openConnections, { timeout: 15_000 }).toBe(0)
    expect((await sidecar.stats()).requestsInFlight).toBe(0)
    expect(sidecar.hasExited()).toBe(false)
  })
})
