--- templates: helpers for specs of templates: complete options, and the output of one part.

local options = require "watchbot.template.options"
local refs = require "watchbot.template.refs"
local template = require "watchbot.template"

local templates = {}

local common = {
  cluster = "main", service = "tiles", serviceVersion = "v1", notificationEmail = "me@example.com",
}

--- Options as a user gives them: the least there may be, and what the spec adds. `false` takes one
--- away.
function templates.given(mode, more)
  local given = { mode = mode }
  if mode == "process" and not (more and more.policy) then given.command = "./tile" end
  for name, value in pairs(common) do given[name] = value end
  for name, value in pairs(more or {}) do given[name] = value end
  for name, value in pairs(given) do
    if value == false and (common[name] or name == "command") then given[name] = nil end
  end
  return given
end

function templates.make(mode, more)
  return template(templates.given(mode, more))
end

--- What one part makes.
function templates.part(name, mode, more)
  local complete = assert(options.complete(templates.given(mode, more)))
  return require("watchbot.template." .. name)(complete, refs.new(complete))
end

--- The properties of a resource of a part.
function templates.properties(name, id, mode, more)
  return templates.part(name, mode, more).Resources[id].Properties
end

--- The environment of the first container of a task definition, by name.
function templates.environment(task)
  local variables = {}
  for _, variable in ipairs(task.ContainerDefinitions[1].Environment) do
    variables[variable.Name] = variable.Value
  end
  return variables
end

--- The problem with options; raises an error if there is none.
function templates.refused(mode, more)
  local complete, err, name = options.complete(templates.given(mode, more))
  assert(not complete, "nothing is wrong with them")
  return err, name
end

return templates
