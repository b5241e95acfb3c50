// Builds dist/: every file is named by a hash of its content, and manifest.json says which name is which.
import { createHash } from 'node:crypto';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as esbuild from 'esbuild';

const here = dirname(fileURLToPath(import.meta.url));
const dist = join(here, 'dist');
const require = createRequire(import.meta.url);

// Family, package, and the file's axis. Only the two subsets that Spanish, English and most European names need.
const FONTS = [
  ['Atkinson', '@fontsource-variable/atkinson-hyperlegible-next', 'wght-normal', '200 800', 'normal'],
  ['Atkinson', '@fontsource-variable/atkinson-hyperlegible-next', 'wght-italic', '200 800', 'italic'],
  ['Atkinson Mono', '@fontsource-variable/atkinson-hyperlegible-mono', 'wght-normal', '200 800', 'normal'],
  ['Bricolage', '@fontsource-variable/bricolage-grotesque', 'wght-normal', '200 800', 'normal'],
];
const SUBSETS = ['latin-ext', 'latin'];

const packageFolder = (name) => dirname(require.resolve(`${name}/package.json`));
const manifest = {};

async function fontFaces() {
  const rules = [];
  for (const [family, name, axis, weights, style] of FONTS) {
    const folder = packageFolder(name);
    const ranges = JSON.parse(await readFile(join(folder, 'unicode.json'), 'utf8'));
    for (const subset of SUBSETS) {
      const file = join(folder, 'files', `${basename(name)}-${subset}-${axis}.woff2`);
      rules.push(`@font-face{font-family:"${family}";font-style:${style};font-weight:${weights};font-display:swap;` +
        `src:url("${file}") format("woff2");unicode-range:${ranges[subset]}}`);
    }
  }
  return rules.join('\n');
}

// One sprite of the icons that src/icons.json lists. Their strokes take the colour of the text around them.
async function iconSprite() {
  const names = JSON.parse(await readFile(join(here, 'src/icons.json'), 'utf8'));
  const folder = packageFolder('lucide-static');
  const symbols = await Promise.all(names.map(async (name) => {
    const svg = await readFile(join(folder, 'icons', `${name}.svg`), 'utf8');
    const shapes = svg.replace(/<!--.*?-->/gs, '').match(/<svg[^>]*>(.*)<\/svg>/s)[1].replace(/\s+/g, ' ').trim();
    return `<symbol id="${name}" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="2" ` +
      `stroke-linecap="round" stroke-linejoin="round">${shapes}</symbol>`;
  }));
  return `<svg xmlns="http://www.w3.org/2000/svg">${symbols.join('')}</svg>\n`;
}

// Fonts and icons are other people's work: their licences travel with them.
async function licences() {
  const names = [...new Set(FONTS.map(([, name]) => name)), 'lucide-static'];
  const texts = await Promise.all(names.map(async (name) =>
    `${name}\n\n${(await readFile(join(packageFolder(name), 'LICENSE'), 'utf8')).trim()}\n`));
  return texts.join(`\n${'-'.repeat(80)}\n\n`);
}

async function keep(name, content) {
  const hash = createHash('sha256').update(content).digest('hex').slice(0, 10).toUpperCase();
  const dot = name.lastIndexOf('.');
  manifest[name] = `${name.slice(0, dot)}-${hash}${name.slice(dot)}`;
  await writeFile(join(dist, manifest[name]), content);
}

await rm(dist, { recursive: true, force: true });
await mkdir(dist, { recursive: true });

const fonts = { name: 'fonts', setup(build) {
  build.onResolve({ filter: /^faena:fonts$/ }, () => ({ path: 'fonts.css', namespace: 'fonts' }));
  build.onLoad({ filter: /.*/, namespace: 'fonts' }, async () => ({ contents: await fontFaces(), loader: 'css', resolveDir: here }));
} };
const built = await esbuild.build({
  absWorkingDir: here,
  entryPoints: ['src/site.css', 'src/site.js'],
  plugins: [fonts],
  bundle: true, minify: true, metafile: true, format: 'esm', charset: 'utf8', legalComments: 'none',
  target: ['chrome105', 'firefox110', 'safari16'],
  outdir: 'dist', entryNames: '[name]-[hash]', assetNames: '[name]-[hash]', loader: { '.woff2': 'file' },
  logLevel: 'warning',
});
for (const [path, output] of Object.entries(built.metafile.outputs)) {
  const source = output.entryPoint ?? Object.keys(output.inputs)[0];
  manifest[basename(source)] = basename(path);
}
await keep('icons.svg', await iconSprite());
await keep('mark.svg', await readFile(join(here, 'src/mark.svg')));
await keep('licences.txt', await licences());
// The manifest comes last: a build that was cut short has none and is done again.
await writeFile(join(dist, 'manifest.json'), `${JSON.stringify(manifest, Object.keys(manifest).sort(), 2)}\n`);
