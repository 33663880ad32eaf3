import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { Command } from 'commander'
import { describe, expect, it } from 'vitest'
import { AppError, invariant } from '../base/errors.ts'
import { buildProgram, failureText, requireNode } from './program.ts'

/** What `kinglet ARGS` writes to stderr, and its exit code. */
async function kinglet(...args: readonly string[]): Promise<{ readonly code: number | null; readonly stderr: string }> {
  const child = spawn(process.execPath, ['src/bin/kinglet.ts', ...args], { cwd: new URL('../..', import.meta.url).pathname, stdio: ['ignore', 'ignore', 'pipe'] })
  let stderr = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
  const [code] = (await once(child, 'close')) as [number | null]
  return { code, stderr }
}

describe('a command that cannot run', () => {
  it('names the kubeconfig that is not there', async () => {
    const { code, stderr } = await kinglet('controller', '--image', 'x', '--kubeconfig', '/nowhere/config')
    expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringMatching(/^error: cannot read the kubeconfig: .*\/nowhere\/config.*\n$/) })
  })

  it('keeps the stack of a fault of ours', () => {
    const fault = (): void => invariant(false, 'x')
    expect(failureText(new AppError('LISTEN_FAILED', 'cannot listen'))).toBe('error: cannot listen')
    try {
      fault()
    } catch (error) {
      expect(failureText(error)).toContain('program.test.ts')
    }
    expect(failureText(new TypeError('x is undefined'))).toContain('program.test.ts')
    expect.assertions(3)
  })
})

describe('a wrong command line', () => {
  it.each([
    [['serve'], /unknown command 'serve'/],
    [['echo', '--loud'], /unknown option '--loud'/],
    [['echo', 'twice'], /too many arguments/],
  ])('%j is refused with a hint where to read on', async (args, message) => {
    let said = ''
    const echo = new Command('echo').action(() => undefined)
    const program = buildProgram('0', [echo])
    for (const command of [program, echo]) command.exitOverride().configureOutput({ writeErr: (text) => void (said += text) })
    await expect(program.parseAsync(args, { from: 'user' })).rejects.toThrow(message)
    expect(said).toContain('(add --help for usage)')
  })
})

describe('the Node.js that runs it', () => {
  it.each(['20.20.2', '22.14.0'])('%s is too old, and the message says where a newer one is', (version) => expect(() => requireNode(version)).toThrow(new RegExp(`22\\.15 or newer, this is ${version}.*npx kinglet`)))
  it.each(['22.15.0', '23.8.0', '24.0.0'])('%s will do', (version) => expect(() => requireNode(version)).not.toThrow())
})
