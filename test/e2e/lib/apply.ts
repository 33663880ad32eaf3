import { describeError } from '../../../src/base/errors.ts'
import { stringAt, type JsonObject } from '../../../src/base/json.ts'
import { applyManifest } from '../../../src/kube/apply.ts'
import { cluster, hasKubectl, kubectl } from './cluster.ts'

export interface AppliedResult {
  readonly exitCode: number
  /** What kubectl prints: `deployment.apps/podinfo configured`. */
  readonly output: string
  /** Warnings of the API server and of admission webhooks, one each. */
  readonly warnings: readonly string[]
  /** Why it failed; empty if it did not. */
  readonly error: string
}

export interface ApplyOptions {
  readonly serverSide?: boolean
  readonly dryRun?: boolean
}

/** `kubectl apply -f` of the manifests, one after the other: the real kubectl where there is one, else our own with its semantics. */
export async function tryApply(manifests: readonly JsonObject[], options: ApplyOptions = {}): Promise<AppliedResult> {
  return hasKubectl() ? applyByKubectl(manifests, options) : applyByClient(manifests, options)
}

/** As `tryApply`, but the suite fails when it fails. */
export async function apply(...manifests: readonly JsonObject[]): Promise<AppliedResult> {
  const result = await tryApply(manifests)
  if (result.exitCode !== 0) throw new Error(`apply failed: ${result.error}`)
  return result
}

async function applyByKubectl(manifests: readonly JsonObject[], options: ApplyOptions): Promise<AppliedResult> {
  const flags = [...(options.serverSide ? ['--server-side'] : []), ...(options.dryRun ? ['--dry-run=server'] : [])]
  const { exitCode, stdout, stderr } = await kubectl(['apply', ...flags, '-f', '-'], documents(manifests))
  const lines = stderr.split('\n').filter((line) => line !== '')
  const warnings = lines.filter((line) => line.startsWith('Warning: ')).map((line) => line.slice('Warning: '.length))
  return { exitCode, output: stdout.trim(), warnings, error: lines.filter((line) => !line.startsWith('Warning: ')).join('\n') }
}

/** Several manifests as one file: kubectl reads JSON values one after the other. */
export const documents = (manifests: readonly JsonObject[]): string => manifests.map((manifest) => JSON.stringify(manifest)).join('\n')

async function applyByClient(manifests: readonly JsonObject[], options: ApplyOptions): Promise<AppliedResult> {
  const warnings: string[] = []
  const output: string[] = []
  const write = { dryRun: options.dryRun ?? false, onWarning: (text: string) => void warnings.push(text) }
  try {
    for (const manifest of manifests) {
      const { result, object } = await applyManifest(cluster(), manifest, write)
      output.push(`${stringAt(object, 'kind')} ${result}`)
    }
    return { exitCode: 0, output: output.join('\n'), warnings, error: '' }
  } catch (error) {
    return { exitCode: 1, output: output.join('\n'), warnings, error: describeError(error) }
  }
}
