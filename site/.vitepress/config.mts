// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
import { readdirSync } from 'node:fs'
import { defineConfig } from 'vitepress'

// Every page of a folder, in the order of the file names.
function pages(folder: string) {
  return readdirSync(new URL(`../${folder}`, import.meta.url))
    .filter((name) => name.endsWith('.md') && name !== 'index.md')
    .sort()
    .map((name) => name.slice(0, -3))
    .map((name) => ({ text: name.replace(/^\d+-/, '').replaceAll('-', ' '), link: `/${folder}/${name}` }))
}

export default defineConfig({
  title: 'Quiesce',
  description: 'Checkpoint and restart of Linux processes and MPI jobs in user space',
  cleanUrls: true,
  themeConfig: {
    nav: [
      { text: 'Guide', link: '/guide/getting-started' },
      { text: 'Manual pages', link: '/man/quiesce.1' },
    ],
    sidebar: [
      { text: 'Guide', items: pages('guide') },
      { text: 'Manual pages', items: pages('man') },
      { text: 'Reference', items: [...pages('reference'), { text: 'MPI coverage', link: '/mpi-coverage' }] },
      { text: 'How it works', items: pages('internals') },
      { text: 'Decisions', items: pages('decisions') },
    ],
    search: { provider: 'local' },
    outline: [2, 3],
  },
})
