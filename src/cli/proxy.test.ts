import { readFileSync } from 'node:fs'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { proxySettings } from '../api/proxy-settings.ts'
import { defaultLimits } from '../proxy/settings.ts'
import { buildProxyCommand, type ProxyCommandOptions } from './proxy.ts'

async function parse(args: readonly string[]): Promise<ProxyCommandOptions> {
  let parsed: ProxyCommandOptions | undefined
  const command = buildProxyCommand((options) => {
    parsed = options
    return Promise.resolve()
  })
  command.exitOverride().configureOutput({ writeErr: () => undefined })
  await command.parseAsync([...args], { from: 'user' })
  if (!parsed) throw new Error('the action was not called')
  return parsed
}

it('every limit stands in the README with its default', () => {
  const rows = readFileSync(new URL('../../README.md', import.meta.url), 'utf8').split('\n')
  const limits = buildProxyCommand(() => Promise.resolve()).options.filter(({ long, defaultValue }) => typeof defaultValue === 'number' && !long?.endsWith('-port'))
  const missing = limits.filter(({ long, defaultValue }) => !rows.some((row) => row.startsWith('| `--') && row.includes(`\`${long}\``) && (defaultValue === 0 || row.includes(String(defaultValue)))))
  expect(missing.map(({ long }) => long)).toEqual([])
  expect(limits.length).toBeGreaterThan(20)
})

describe('kinglet proxy', () => {
  afterEach(() => vi.unstubAllEnvs())

  it('needs to know the app alone', async () => {
    expect(await parse(['--app', '127.0.0.1:8080'])).toMatchObject({
      ...defaultLimits,
      app: { host: '127.0.0.1', port: 8080 },
      routePort: 14080,
      directPort: 14081,
      adminPort: 14082,
      drainMinMs: 5000,
      forwarded: 'append',
      requestId: 'keep',
    })
  })

  it('takes everything from the environment too', async () => {
    vi.stubEnv('KINGLET_APP', '[::1]:9000')
    vi.stubEnv('KINGLET_CONTROLLER', 'kinglet-controller.kinglet-system:14090')
    vi.stubEnv('KINGLET_CA', 'PEM')
    vi.stubEnv('POD_IP', '10.0.0.9')
    vi.stubEnv('KINGLET_IDLE_TIMEOUT_MS', '1234')
    expect(await parse([])).toMatchObject({ app: { host: '::1', port: 9000 }, controller: 'kinglet-controller.kinglet-system:14090', ca: 'PEM', podIp: '10.0.0.9', idleTimeoutMs: 1234 })
  })

  it.each(proxySettings.map(({ env }) => env))('has an option for what annotations say by %s', (env) =>
    expect(buildProxyCommand(() => Promise.resolve()).options.map(({ envVar }) => envVar)).toContain(env))

  it.each([
    [['--app', '8080'], '127.0.0.1:8080'],
    [['--app', 'a:70000'], '127.0.0.1:8080'],
    [['--app', 'a:1', '--route-port', 'x'], 'whole number'],
    [['--app', 'a:1', '--log-level', 'loud'], 'debug, info, warn, error'],
    [['--app', 'a:1', '--routes', 'f', '--controller', 'c:1'], 'cannot be used with'],
    [[], '--app'],
  ])('refuses %j and says why', async (args, message) => {
    await expect(parse(args)).rejects.toThrow(message)
  })
})
