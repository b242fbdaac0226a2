"""Whose network an internet address is in: what may be tried is counted by it, not by the single address."""

from ipaddress import IPv4Network, IPv6Network, ip_network


def network_of(ip: str) -> IPv4Network | IPv6Network:
    """The address itself; of IPv6 the /64 that one subscriber has to choose addresses from."""
    return ip_network(f"{ip}/64" if ":" in ip else ip, strict=False)


def neighbourhood(ip: str | None) -> str:
    """The same as text to count by: an IPv4 address, an IPv6 network, or "None" where the address is not known."""
    network = network_of(ip) if ip is not None else None
    return str(network.network_address) if isinstance(network, IPv4Network) else str(network)
