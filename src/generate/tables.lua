--- tables: writes the generated tables of a document, between the lines `<!-- NAME -->` and `<!--
-- /NAME -->`. usage: lua5.4 src/generate/tables.lua FILE > NEW; run by `make generated`, and
-- spec/generated_spec.lua compares.

local tables = {}

-- A cell of Markdown: a bar in it would end the cell.
local function cell(text) return (text:gsub("|", "\\|"):gsub("\n", " ")) end

local function row(...)
  local cells = {}
  for index, text in ipairs { ... } do cells[index] = text == "" and "" or " " .. cell(text) end
  return "|" .. table.concat(cells, " |") .. " |"
end

function tables.fields()
  local lines = { "| field | default | |", "|---|---|---|" }
  for _, field in ipairs(require "watchbot.policy.fields".declared) do
    local default = type(field.default) ~= "table" and field.default ~= nil
      and tostring(field.default) or ""
    local variables = {}
    for _, name in ipairs { field.environment or false, field.fallback or false } do
      if name then variables[#variables + 1] = ("`$%s`"):format(name) end
    end
    local read = #variables > 0 and (" (%s)"):format(table.concat(variables, ", ")) or ""
    lines[#lines + 1] = row(("`%s`"):format(field.name), default, field.help .. read)
  end
  return table.concat(lines, "\n") .. "\n"
end

function tables.hooks()
  local lines = { "| hook | what it decides | default |", "|---|---|---|" }
  for _, hook in ipairs(require "watchbot.policy.hooks") do
    local signature = ("`%s(%s)`"):format(hook.name, hook.arguments)
    if hook.returns then signature = ("%s returns %s"):format(signature, hook.returns) end
    lines[#lines + 1] = row(signature, hook.help, hook.default)
  end
  return table.concat(lines, "\n") .. "\n"
end

function tables.options()
  return require "watchbot.template.options".describe "markdown"
end

function tables.metrics()
  local lines = { "| metric | kind | labels | |", "|---|---|---|---|" }
  for _, metric in ipairs(require "watchbot.metrics.table") do
    local labels = {}
    for index, label in ipairs(metric.labels) do labels[index] = ("`%s`"):format(label) end
    lines[#lines + 1] = row(("`%s`"):format(metric.name), metric.kind, table.concat(labels, ", "),
      metric.help)
  end
  return table.concat(lines, "\n") .. "\n"
end

-- The causes of an attempt's end, those of the job first.
function tables.blame()
  local causes, names = require "watchbot.watcher.blame".causes, {}
  for name in pairs(causes) do names[#names + 1] = name end
  table.sort(names, function(a, b) return causes[a].fault .. a < causes[b].fault .. b end)
  local lines = {
    "| cause | fault | outcome | receive counts | notified | breaker |",
    "|---|---|---|---|---|---|",
  }
  for _, name in ipairs(names) do
    local rule = causes[name]
    lines[#lines + 1] = row(("`%s`"):format(name), rule.fault,
      rule.outcome or rule.hold and "held" or "`verdict` decides",
      rule.uncounted and "no" or "yes", rule.silent and "no" or "by outcome",
      rule.step and ("counts it: %s"):format(rule.step) or rule.passed and "a success" or "")
  end
  return table.concat(lines, "\n") .. "\n"
end

-- A hand-written table may also be between such lines: it is kept.
local function replaced(first, name, last)
  return tables[name] and first .. "\n" .. tables[name]() .. "\n" .. last
end

local path = assert(arg[1], "usage: tables.lua FILE")
local file <close> = assert(io.open(path))
io.write((file:read "a":gsub("(<!%-%- (%w+) %-%->\n).-(<!%-%- /%2 %-%->)", replaced)))
