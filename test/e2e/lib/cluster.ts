import { spawn } from 'node:child_process'
import { inject } from 'vitest'
import { createClient, type KubeClient } from '../../../src/kube/client.ts'
import { loadKubeConfig } from '../../../src/kube/config.ts'
import { systemClock } from '../../../src/runtime/clock.ts'

declare module 'vitest' {
  interface ProvidedContext {
    kubeconfig: string
    kind: 'real' | 'sandbox'
    /** Path of the kubectl to use; undefined where there is none. */
    kubectl: string | undefined
  }
}

let shared: KubeClient | undefined

/** The suite's own client of the cluster under test, as whoever KUBECONFIG says. */
export const cluster = (): KubeClient => (shared ??= createClient(loadKubeConfig({ kubeconfig: inject('kubeconfig') }), systemClock, { fieldManager: 'e2e', timeoutMs: 20_000 }))

export const isSandbox = (): boolean => inject('kind') === 'sandbox'
export const hasKubectl = (): boolean => inject('kubectl') !== undefined

export interface CommandResult {
  readonly exitCode: number
  readonly stdout: string
  readonly stderr: string
}

/** Runs the real kubectl against the cluster under test. Never throws for an exit code. */
export async function kubectl(args: readonly string[], stdin = ''): Promise<CommandResult> {
  const file = inject('kubectl')
  if (file === undefined) throw new Error('there is no kubectl on PATH')
  const child = spawn(file, args, { env: { ...process.env, KUBECONFIG: inject('kubeconfig') }, stdio: 'pipe', timeout: 60_000 })
  let stdout = ''
  let stderr = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
  // kubectl may end before it has read everything.
  child.stdin.on('error', () => undefined).end(stdin)
  const exitCode = await new Promise<number>((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code) => resolve(code ?? -1))
  })
  return { exitCode, stdout, stderr }
}
