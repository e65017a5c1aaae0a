// The option tables of the config file, one for each struct of model/config.h. To add an option: add the
// member there and its row here; loader, checks, `--set` and manual follow. What one row cannot tell (names
// that must exist, be unique) is checked in config/load/check.h.
#pragma once

#include "config/schema/table.h"
#include "model/config.h"

namespace popnet::config {

/// The whole file; its rows are the top-level sections.
const Table<model::Config>& config_table();

// tables_network.cc: the same on every node.
const Table<model::Network>& network_table();
const Table<model::ClientLatency>& client_latency_table();
const Table<model::Pop>& pop_table();
const Table<model::GeoPoint>& location_table();
const Table<model::ClientPrior>& client_table();
const Table<model::Zone>& zone_table();

// tables_dns.cc: the DNS servers; the network's options and this node's.
const Table<model::Dns>& dns_table();
const Table<model::RateLimit>& rate_limit_table();
const Table<model::TsigKey>& tsig_key_table();
const Table<model::Transfer>& transfer_table();
const Table<model::Secondary>& secondary_table();
const Table<model::XdpInterface>& xdp_table();
const Table<model::DnsNode>& dns_node_table();
const Table<model::Dnstap>& dnstap_table();
const Table<model::QueryLog>& query_log_table();
// tables_dnssec.cc
const Table<model::Dnssec>& dnssec_table();

// tables_node.cc: this process.
const Table<model::Node>& node_table();
const Table<model::AccessLog>& access_log_table();
const Table<model::Bus>& bus_table();

// tables_http.cc: the edge; a site's options and this node's.
const Table<model::CacheOptions>& cache_table();
const Table<model::FillOptions>& fill_table();
const Table<model::HttpNode>& http_node_table();

// tables_site.cc: the customers, and what sites and POPs share.
const Table<model::Site>& site_table();
const Table<model::Hostname>& hostname_table();
const Table<model::ChainRule>& chain_table();
const Table<model::Origin>& origin_table();
const Table<model::Rule>& rule_table();
const Table<model::LoadModel>& load_table();
const Table<model::Controller>& controller_table();
/// What every probe has, of whatever kind. A kind's own options stand beside these in the same mapping and
/// must not use the same names.
const Table<model::ProbeSpec>& probe_table();

}  // namespace popnet::config
