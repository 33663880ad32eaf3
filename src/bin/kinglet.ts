#!/usr/bin/env node
import { buildControllerCommand } from '../cli/controller.ts'
import { buildDemoCommand } from '../cli/demo.ts'
import { buildExplainCommand } from '../cli/explain.ts'
import { buildProgram, runProgram } from '../cli/program.ts'
import { buildProxyCommand } from '../cli/proxy.ts'
import { buildSandboxCommand } from '../cli/sandbox.ts'
import { buildWebhookCommand } from '../cli/webhook.ts'

const version = '0.1.0'

// Each command's code is loaded when it is called: the sidecar must start fast and never load a Kubernetes client.
const program = buildProgram(version, [
  buildControllerCommand(async (flags) => (await import('./controller.ts')).runControllerProcess(flags, version)),
  buildProxyCommand(async (options) => (await import('./proxy.ts')).runProxy(options, version)),
  buildWebhookCommand(async (flags) => (await import('./webhook.ts')).runWebhook(flags)),
  buildExplainCommand(async (canary, options) => (await import('./explain.ts')).runExplain(canary, options)),
  buildSandboxCommand(async (options) => (await import('./sandbox.ts')).runSandbox(options)),
  buildDemoCommand(async (options) => (await import('./demo.ts')).runDemo(options)),
])
await runProgram(program, process.argv, process.versions.node)
