--- template.check_volumes: what --check reports about volumes that a container's user cannot write
-- to: an empty volume belongs to root, unless the image has the folder and declares it as a VOLUME.
-- https://docs.aws.amazon.com/AmazonECS/latest/developerguide/bind-mounts.html

local references = require "watchbot.template.references"

local is_root = { root = true, ["0"] = true }

local function runs_as_root(container)
  local user = container.User
  return user == nil or type(user) == "string" and is_root[user:match "^[^:]*"]
end

-- Volumes that are created empty for each task.
local function empty_volumes(definition)
  local names = {}
  for _, volume in ipairs(definition.Volumes or {}) do
    local only_name = next(volume, next(volume)) == nil
    if type(volume.Name) == "string" and only_name then names[volume.Name] = true end
  end
  return names
end

local function paths_of(container, names)
  local paths = {}
  for _, point in ipairs(container.MountPoints or {}) do
    if names[point.SourceVolume] and type(point.ContainerPath) == "string" then
      paths[#paths + 1] = point.ContainerPath
    end
  end
  return paths
end

local function check_definition(id, definition, findings)
  local names = empty_volumes(definition)
  for index, container in ipairs(definition.ContainerDefinitions or {}) do
    local paths = not runs_as_root(container) and paths_of(container, names) or {}
    if #paths > 0 then
      findings[#findings + 1] = {
        note = true,
        where = ("Resources.%s.Properties.ContainerDefinitions.%d.User"):format(id, index - 1),
        message = ("%s belong to root, unless the image makes them for its user before 'VOLUME': "
          .. "see 'non-root images' in doc/templates.md (https://docs.aws.amazon.com/AmazonECS/"
          .. "latest/developerguide/bind-mounts.html)"):format(table.concat(paths, ", ")),
      }
    end
  end
end

--- Adds to the findings.
---@param template table
---@param findings watchbot.template.Finding[]
return function(template, findings)
  for _, id in ipairs(references.resources(template)) do
    local resource = template.Resources[id]
    if resource.Type == "AWS::ECS::TaskDefinition" and resource.Properties then
      check_definition(id, resource.Properties, findings)
    end
  end
end
