import { setTimeout as pause } from 'node:timers/promises'
import { describeError } from '../base/errors.ts'
import type { DemoOptions } from '../cli/demo.ts'
import { pictureOf } from '../cli/demo/picture.ts'
import { playDemo } from '../cli/demo/story.ts'
import { renderSummary } from '../cli/demo/summary.ts'
import { openScreen } from '../dashboard/terminal.ts'
import { applyManifest } from '../kube/apply.ts'
import { createClient } from '../kube/client.ts'
import { loadKubeConfig } from '../kube/config.ts'
import { systemClock } from '../runtime/clock.ts'
import { aborted, stopSignal } from '../runtime/signals.ts'
import { startSandbox } from '../sandbox/sandbox.ts'

/** Plays the demo on a sandbox of its own; answers with the exit code. */
export async function runDemo(options: DemoOptions): Promise<number> {
  const beganAt = Date.now()
  const screen = openScreen(options.json ? process.stderr : process.stdout)
  const stopped = stopSignal()
  let sandbox: Awaited<ReturnType<typeof startSandbox>> | undefined
  try {
    screen.say('Starting a sandbox cluster …')
    sandbox = await startSandbox(options.dir === undefined ? {} : { dir: options.dir })
    screen.say('Installing Kinglet: controller and webhook …')
    await Promise.race([sandbox.installKinglet(), aborted(stopped)])
    stopped.throwIfAborted()
    const connection = loadKubeConfig({ kubeconfig: sandbox.kubeconfigPath })
    const client = createClient(connection, systemClock, { fieldManager: 'kinglet-demo' })
    screen.say(`Ready after ${Math.round((Date.now() - beganAt) / 100) / 10} s. Applying v1 with the annotation kinglet.sh/canary: enabled`)
    const report = await playDemo({
      client,
      apply: async (object) => void (await applyManifest(client, object)),
      show: (headline, observation) => screen.show(pictureOf(headline, observation, Date.now() - beganAt)),
      say: (line) => screen.say(line),
      now: () => Date.now(),
      pause: (ms) => pause(ms, undefined, { signal: stopped }),
    })
    screen.done()
    connection.close()
    for (const line of renderSummary(report)) screen.say(line)
    if (options.json) process.stdout.write(`${JSON.stringify(report)}\n`)
    return report.ok ? 0 : 1
  } catch (error) {
    screen.done()
    screen.say(stopped.aborted ? 'Stopped.' : `The demo failed: ${describeError(error)}`)
    return 1
  } finally {
    await sandbox?.stop()
  }
}
