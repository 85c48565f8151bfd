// Writes the dashboards as TypeScript constants of Grafana's types, for the compiler to check.
// usage: node typed.mjs OUTPUT.ts DASHBOARD.json...
import {readFileSync, writeFileSync} from "node:fs";
import {basename} from "node:path";

const kComposable = "./node_modules/@grafana/schema/dist/esm/raw/composable";
// The module of each panel type, and whether it has options of its own for fields.
const kPanels = {
  timeseries: ["timeseries", "TimeSeries", true],
  stat: ["stat", "Stat", false],
  heatmap: ["heatmap", "Heatmap", true],
  table: ["table", "Table", true],
  bargauge: ["bargauge", "BarGauge", false],
  "state-timeline": ["statetimeline", "StateTimeline", true],
};

const lines = [
  'import type {AnnotationQuery, Dashboard, Panel, RowPanel, VariableModel} from "@grafana/schema";',
  ...Object.values(kPanels).map(
    ([folder, name]) =>
      `import type * as ${name} from "${kComposable}/${folder}/panelcfg/x/${name}PanelCfg_types.gen";`,
  ),
  // JSON has the values of enumerations, not their names.
  "type Plain<T> = T extends string ? `${T}` : T extends (infer U)[] ? Plain<U>[]",
  "  : T extends object ? {[K in keyof T]: Plain<T[K]>} : T;",
  // What @grafana/schema leaves to the Prometheus data source, as that one defines it.
  "type Source = {datasource: {type: string; uid: string}};",
  "type Target = Source & {refId: string; expr: string; legendFormat: string; instant: boolean;",
  '  range: boolean; format: "time_series" | "table" | "heatmap"; editorMode: "code" | "builder"};',
  "type Annotation = Plain<AnnotationQuery> & {expr?: string; step?: string; titleFormat?: string;",
  "  textFormat?: string; tagKeys?: string; useValueForTime?: boolean};",
  "type Variable = Plain<VariableModel> & {definition?: string};",
];

function constant(name, type, value) {
  lines.push(`export const ${name}: ${type} = ${JSON.stringify(value, null, 1)};`);
}

for (const path of process.argv.slice(3)) {
  const {panels, annotations, templating, ...rest} = JSON.parse(readFileSync(path, "utf8"));
  const name = basename(path, ".json");
  constant(name, 'Plain<Omit<Dashboard, "panels" | "annotations" | "templating">>', rest);
  constant(`${name}_annotations`, "Annotation[]", annotations.list);
  constant(`${name}_variables`, "Variable[]", templating.list);
  for (const {targets, ...panel} of panels) {
    const id = `${name}_${panel.id}`;
    if (panel.type === "row") {
      constant(id, "Plain<RowPanel>", panel);
      continue;
    }
    // Panel leaves these two open, for they belong to the panel's plugin.
    const [, module, own] = kPanels[panel.type];
    const {options, ...common} = panel,
      {custom} = panel.fieldConfig.defaults;
    constant(id, "Plain<Panel>", common);
    constant(`${id}_options`, `Plain<${module}.Options>`, options);
    if (own) constant(`${id}_custom`, `Plain<${module}.FieldConfig>`, custom);
    constant(`${id}_targets`, "Target[]", targets);
  }
}
writeFileSync(process.argv[2], `${lines.join("\n")}\n`);
