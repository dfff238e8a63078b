// Shows /openapi.json: operations by tag, each with its parameters, bodies and answers.
"use strict";

const make = (name, children = [], text) => {
  const node = document.createElement(name);
  if (text !== undefined) node.textContent = text;
  node.append(...children);
  return node;
};

const show = (api) => {
  const resolve = (value) => {
    if (!value || !value.$ref) return value;
    return value.$ref.slice(2).split("/").reduce((node, key) => node[key], api);
  };
  const schemaName = (schema) => (schema.$ref ? schema.$ref.split("/").pop() : null);

  const typeOf = (schema) => {
    if (schema.$ref) {
      const link = make("a", [], schemaName(schema));
      link.href = "#" + schemaName(schema);
      return link;
    }
    const several = schema.anyOf || schema.oneOf;
    if (several) {
      return make("span", several.flatMap((one, at) => (at ? [" or ", typeOf(one)] : [typeOf(one)])));
    }
    if (schema.items) return make("span", ["array of ", typeOf(schema.items)]);
    const type = [schema.type || "anything"].flat().join(" or ");
    const rules = ["const", "enum", "pattern", "minimum", "maximum", "minLength", "maxLength"]
      .filter((rule) => schema[rule] !== undefined)
      .map((rule) => `${rule} ${[schema[rule]].flat().join(", ")}`);
    return make("code", [], [type, ...rules].join("; "));
  };

  const table = (rows) => make("table", rows.map((cells) => make("tr", cells.map((cell) =>
    make("td", [cell ?? ""])))));

  const contents = (content) => Object.entries(content || {}).flatMap(([type, { schema }]) => {
    const example = schema && (resolve(schema).examples || [])[0];
    const line = make("p", [make("code", [], type), " ", ...(schema ? [typeOf(schema)] : [])]);
    return example === undefined
      ? [line] : [line, make("pre", [], JSON.stringify(example, null, 2))];
  });

  const operation = (method, path, about) => {
    const parts = [];
    if (about.parameters.length) {
      parts.push(make("h4", [], "Parameters"), table(about.parameters.map((one) => [
        make("code", [], one.name), one.in, typeOf(one.schema), one.description])));
    }
    if (about.requestBody) {
      parts.push(make("h4", [], "Body"), ...contents(about.requestBody.content));
    }
    parts.push(make("h4", [], "Answers"));
    for (const [status, reference] of Object.entries(about.responses)) {
      const answer = resolve(reference);
      parts.push(make("p", [make("b", [], status), " ", answer.description]));
      if (/^2/.test(status)) parts.push(...contents(answer.content));
    }
    const head = make("summary", [make("b", [], method.toUpperCase()), make("code", [], path),
      " " + about.summary]);
    const details = make("details", [head, ...parts]);
    details.id = about.operationId;
    return details;
  };

  const byTag = new Map();
  for (const [path, methods] of Object.entries(api.paths)) {
    for (const [method, about] of Object.entries(methods)) {
      const tag = about.tags[0];
      if (!byTag.has(tag)) byTag.set(tag, []);
      byTag.get(tag).push(operation(method, path, about));
    }
  }
  const main = document.querySelector("main");
  for (const [tag, operations] of byTag) main.append(make("h2", [], tag), ...operations);
  main.append(make("h2", [], "Documents"));
  for (const [name, schema] of Object.entries(api.components.schemas)) {
    const fields = Object.entries(schema.properties || {}).map(([field, of]) => [
      make("code", [], field + ((schema.required || []).includes(field) ? "" : "?")),
      typeOf(of), of.description]);
    const details = make("details", [make("summary", [make("code", [], name)]),
      make("p", [], schema.description), fields.length ? table(fields) : typeOf(schema)]);
    details.id = name;
    main.append(details);
  }
  document.querySelector("#about").textContent = api.info.description;
};

fetch("/openapi.json").then((answer) => answer.json()).then(show).catch((error) => {
  document.querySelector("#about").textContent = "The document can't be read: " + error;
});
