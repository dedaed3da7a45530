--- endpoint: the host of a service, by region and partition, as data. A pure function.
-- The format of a region's name determines its partition, so future regions work, too.

local endpoint = {}

---@class watchbot.aws.Partition
---@field name string the second word of its ARNs
---@field regions string pattern of its regions' names
---@field first string the region whose STS is used if no region is set
---@field suffix string domain of its endpoints
---@field dualstack string domain of dual-stack endpoints
---@field fips table<string, "ipv4"|"any">? endpoint prefixes whose ordinary host is the
--- FIPS one, if not the dual stack one

-- The last partition matches every other name.
local PARTITIONS = {
  { name = "aws-cn", regions = "^cn%-", first = "cn-north-1",
    suffix = "amazonaws.com.cn", dualstack = "api.amazonwebservices.com.cn" },
  { name = "aws-us-gov", regions = "^us%-gov%-", first = "us-gov-west-1",
    suffix = "amazonaws.com", dualstack = "api.aws",
    fips = { sqs = "ipv4", sns = "ipv4", logs = "ipv4", sts = "ipv4", dynamodb = "ipv4",
      cloudformation = "ipv4", monitoring = "any" } },
  { name = "aws-eusc", regions = "^eusc%-", first = "eusc-de-east-1",
    suffix = "amazonaws.eu", dualstack = "api.amazonwebservices.eu" },
  { name = "aws-iso", regions = "^us%-iso%-", first = "us-iso-east-1",
    suffix = "c2s.ic.gov", dualstack = "api.aws.ic.gov" },
  { name = "aws-iso-b", regions = "^us%-isob%-", first = "us-isob-east-1",
    suffix = "sc2s.sgov.gov", dualstack = "api.aws.scloud" },
  { name = "aws-iso-e", regions = "^eu%-isoe%-", first = "eu-isoe-west-1",
    suffix = "cloud.adc-e.uk", dualstack = "api.cloud-aws.adc-e.uk" },
  { name = "aws-iso-f", regions = "^us%-isof%-", first = "us-isof-south-1",
    suffix = "csp.hci.ic.gov", dualstack = "api.aws.hci.ic.gov" },
  {
    name = "aws", regions = "", first = "us-east-1", suffix = "amazonaws.com",
    dualstack = "api.aws",
  },
}

-- Services whose hosts start with another name.
local PREFIXES = { cloudwatch = "monitoring" }

--- The partition in an ARN.
---@param arn string
---@return watchbot.aws.Partition?
function endpoint.partition_of_arn(arn)
  for _, partition in ipairs(PARTITIONS) do
    if arn:match "^arn:([^:]*):" == partition.name then return partition end
  end
end

--- The partition of a region.
---@param region string
---@return watchbot.aws.Partition
function endpoint.partition(region)
  for _, partition in ipairs(PARTITIONS) do
    if region:find(partition.regions) then return partition end
  end
end

local function ends_with(host, domain)
  return host == domain or host:sub(-#domain - 1) == "." .. domain
end

--- Whether a host is one of AWS's.
---@param host string in small letters, without a port
---@return boolean
function endpoint.is_aws(host)
  for _, partition in ipairs(PARTITIONS) do
    if ends_with(host, partition.suffix) or ends_with(host, partition.dualstack) then
      return true
    end
  end
  return false
end

--- Whether a host of AWS is one of its dual-stack hosts (S3's excepted).
---@param host string in small letters, without a port
---@return boolean
function endpoint.is_dualstack(host)
  for _, partition in ipairs(PARTITIONS) do
    if ends_with(host, partition.dualstack) then return true end
  end
  return false
end

--- Whether the text can be the name of a region: a single label of a host name, so that it cannot
--- lead to another host.
---@param region string
---@return boolean
function endpoint.is_region(region)
  return #region <= 63 and region:find "^%l[%l%d%-]*[%l%d]$" ~= nil
end

--- The region of a service's host: an ordinary host, a FIPS or dual-stack one, or a VPC endpoint's.
---@param host string in small letters, without a port
---@param service string as in hosts: "xray"
---@return string? region nil if it is no host of the service
function endpoint.region_of(host, service)
  local private, rest = host:match "^(vpce%-[^.]+%.)(.+)$"
  local name, region, domain = (rest or host):match "^([^.]+)%.([^.]+)%.(.+)$"
  if name ~= service and name ~= service .. "-fips" then return nil end
  if not endpoint.is_region(region) then return nil end
  local partition = endpoint.partition(region)
  if private then return domain == "vpce." .. partition.suffix and region or nil end
  return (domain == partition.suffix or domain == partition.dualstack) and region or nil
end

-- S3 has its dual-stack hosts at the ordinary domain.
local function domain_of(partition, prefix, dualstack)
  if not dualstack then return partition.suffix end
  return prefix == "s3" and partition.suffix or partition.dualstack
end

--- The URL of a service in a region, such as "https://sqs.eu-west-1.amazonaws.com".
---@param service string "sqs", "sns", "ecs", "logs", "sts", "dynamodb", "cloudformation",
--- "cloudwatch"
---@param region string
---@param variant { fips: boolean?, dualstack: boolean? }?
---@return string? url
---@return string? err
---@return string? code "BadRegion"
function endpoint.url(service, region, variant)
  if not endpoint.is_region(region) then
    return nil, ("the region '%s' is not a name such as 'eu-west-1'"):format(region), "BadRegion"
  end
  local fips, dualstack = variant and variant.fips, variant and variant.dualstack
  local partition, prefix = endpoint.partition(region), PREFIXES[service] or service
  local ordinary = partition.fips and partition.fips[prefix]
  local domain = domain_of(partition, prefix, dualstack)
  if fips and ordinary ~= "any" and (dualstack or not ordinary) then prefix = prefix .. "-fips" end
  if service == "s3" and dualstack then prefix = prefix .. ".dualstack" end
  return ("https://%s.%s.%s"):format(prefix, region, domain)
end

return endpoint
