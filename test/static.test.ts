import { spawn } from 'node:child_process'
import { describe, expect, it } from 'vitest'

const root = new URL('..', import.meta.url).pathname

/** Runs a tool of node_modules; its output is the message when it finds something. */
async function findings(tool: string, ...args: readonly string[]): Promise<string> {
  const child = spawn(`${root}node_modules/.bin/${tool}`, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text: string) => (output += text))
  const exitCode = await new Promise<number | null>((resolve, reject) => child.on('error', reject).on('close', resolve))
  return exitCode === 0 ? '' : `${tool} ended with ${exitCode}:\n${output}`
}

// Each is a program of its own that uses one core.
describe.concurrent('the sources', () => {
  it('have no type errors, and nothing for the linter', async () => expect(await findings('oxlint', '--type-aware', '--type-check', '--deny-warnings')).toBe(''), 120_000)
  it('keep to their layers', async () => expect(await findings('depcruise', 'src', '--output-type', 'err')).toBe(''), 120_000)
  it('have no dead code and no unused package', async () => expect(await findings('knip')).toBe(''), 120_000)
})
