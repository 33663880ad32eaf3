import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { inject } from 'vitest'

/** What `kinglet explain` prints about a Canary of the cluster under test. */
export async function explain(namespace: string, name: string, output: 'text' | 'json' = 'text'): Promise<string> {
  const { stdout } = await promisify(execFile)(process.execPath, ['src/bin/kinglet.ts', 'explain', name, '-n', namespace, '-o', output], { env: { ...process.env, KUBECONFIG: inject('kubeconfig') } })
  return stdout
}
