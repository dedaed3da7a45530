local cf = require "watchbot.template.cf"
local metrics = require "watchbot.template.metrics"

-- What CloudFormation makes of Select, Split and Join, once references have their values.
local function resolved(value, parameters)
  if value.Ref then return parameters[value.Ref] end
  if value["Fn::Join"] then
    local texts = {}
    for index, item in ipairs(value["Fn::Join"][2]) do texts[index] = resolved(item, parameters) end
    return table.concat(texts, value["Fn::Join"][1])
  end
  local index, list = value["Fn::Select"][1], {}
  for item in resolved(value["Fn::Select"][2]["Fn::Split"][2], parameters):gmatch "[^/]+" do
    list[#list + 1] = item
  end
  return list[index + 1]
end

describe("the metrics of a template", function()
  it("name a cluster by its name, also when its ARN is given", function()
    assert.are.equal("fleet", metrics.cluster_name "fleet")
    assert.are.equal("fleet",
      metrics.cluster_name "arn:aws:ecs:us-east-1:123456789012:cluster/fleet")
  end)

  it("name a cluster that a parameter has, by name or ARN", function()
    local name = metrics.cluster_name(cf.ref "Cluster")
    assert.are.equal("fleet", resolved(name, { Cluster = "fleet" }))
    assert.are.equal("fleet", resolved(name, {
      Cluster = "arn:aws:ecs:us-east-1:123456789012:cluster/fleet",
    }))
  end)
end)
