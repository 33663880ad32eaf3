import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestProject } from 'vitest/node'
import { startSandbox } from '../../src/sandbox/sandbox.ts'
import { findKubectl } from './lib/find-kubectl.ts'

/** Two projects share one cluster: the first of them starts it, the last one stops it. */
interface Shared {
  readonly started: Promise<{ readonly kubeconfigPath: string; readonly stop: () => Promise<void> }>
  users: number
}
declare global {
  var kingletSandbox: Shared | undefined
}

/** Before the suites run on the embedded cluster: it is started, with Kinglet installed from the same manifest as anywhere. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const shared = (globalThis.kingletSandbox ??= { started: start(), users: 0 })
  shared.users += 1
  const { kubeconfigPath, stop } = await shared.started
  project.provide('kubeconfig', kubeconfigPath)
  project.provide('kind', 'sandbox')
  project.provide('kubectl', findKubectl())
  return async () => {
    shared.users -= 1
    if (shared.users === 0) await stop()
  }
}

async function start(): Promise<{ readonly kubeconfigPath: string; readonly stop: () => Promise<void> }> {
  const dir = await mkdtemp(join(tmpdir(), 'kinglet-e2e-'))
  const sandbox = await startSandbox({ dir })
  const stop = async (): Promise<void> => {
    await sandbox.stop()
    await rm(dir, { recursive: true, force: true })
  }
  try {
    await sandbox.installKinglet()
  } catch (error) {
    await stop()
    throw error
  }
  return { kubeconfigPath: sandbox.kubeconfigPath, stop }
}
