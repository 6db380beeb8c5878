"""Nothing of the guide the course grew from is left out: each thing to study has its section, each command
and manifest stands where a reader of the guide would look for it, in both languages."""

import pytest

from curriculum.course import CONTENT, get_course
from curriculum.text import LANGUAGES

# By chapter, the guide's "O que estudar?", and the section (the id of its Portuguese heading) it became.
STUDIED = [
    (1, "comunicação entre pods e nodes (CNI)", "cni-quem-puxa-o-cabo"),
    (1, "namespace de rede e isolamento", "namespaces-de-rede-varias-pilhas-no-mesmo-kernel"),
    (1, "como o tráfego é roteado", "o-caminho-de-um-pacote-dentro-do-cluster"),
    (2, "IPs de pods (CIDR, subnets)", "cidr-no-cluster-tres-faixas-que-nao-se-misturam"),
    (2, "o papel do kube-proxy", "kube-proxy-quem-escreve-as-regras"),
    (2, "Load Balancers, NodePort e ClusterIP", "clusterip-nodeport-loadbalancer"),
    (3, "HTTP/gRPC em microserviços", "http-e-grpc-entre-servicos"),
    (3, "Ingress Controllers e tráfego TCP", "ingress-e-tcp"),
    (3, "latência e retransmissão", "perda-retransmissao-e-o-relogio"),
    (4, "criar e aplicar NetworkPolicies", "networkpolicy-uma-lista-de-quem-pode"),
    (4, "TLS Termination", "terminacao-de-tls-no-ingress"),
    (4, "DNS Spoofing", "dns-spoofing-mentir-sobre-o-nome"),
    (4, "ataques MITM", "man-in-the-middle-e-entao"),
    (5, "logging com ELK", "logs-o-que-o-programa-decidiu-contar"),
    (5, "Prometheus", "metricas-quantos-quao-rapido-desde-quando"),
    (5, "Jaeger", "rastros-um-pedido-do-comeco-ao-fim"),
    (5, "tcpdump e Wireshark", "tcpdump-o-que-passou-no-cabo"),
    (5, "eBPF", "ebpf-um-programa-dentro-do-kernel"),
    (
        6,
        "Round-Robin, Least Connections, IP Hash, Consistent Hashing",
        "algoritmos-quatro-maneiras-de-escolher",
    ),
    (6, "L4 vs L7", "camada-4-contra-camada-7"),
    (6, "kube-proxy com iptables/ipvs", "kube-proxy-iptables-nftables-ipvs"),
    (6, "AWS ELB, GCP LB, MetalLB", "o-balanceador-de-fora-nuvem-e-metallb"),
    (6, "latência, sticky sessions e TLS offloading", "sessoes-tls-e-latencia"),
    (6, "tcpdump, nginx -T, kubectl proxy", "como-depurar-um-balanceador"),
    (6, "escalonamento e QoS", "qos-fila-justa-e-balde-de-fichas"),
]
# By chapter, what the guide has its readers type or apply: as written there, or as it works here.
TYPED = [
    (1, ["kubectl exec", "ip a", "ping", "nc -l"]),
    (2, ["kubectl get pods -o wide", "iptables -L -t nat", "type: NodePort", "kubectl apply -f"]),
    (
        3,
        [
            "name: udp-tcp-server",
            "name: udp-service",
            "name: tcp-service",
            "protocol: UDP, port: 30000",
            "protocol: TCP, port: 30001",
            "nc -u",
            "NODE_IP 30001",
            "tc qdisc add dev eth0 root netem loss 30%",
            "NET_ADMIN",
            'sh -c "tc qdisc del dev eth0 root netem"',
        ],
    ),
    (4, ["kind: NetworkPolicy", "kind: Ingress", "cert-manager.io/issuer", "kind: Issuer"]),
    (5, ["kubectl debug", "tcpdump -ni", "netstat -tulnp"]),
    (
        6,
        [
            *("nginx.org/lb-method", "iptables -L -t nat", "kind: IPAddressPool", "kind: L2Advertisement"),
            *("tcpdump", "nginx -T", "kubectl proxy", "--v=4", "error-log-level: debug"),
        ],
    ),
]
FEWEST_WORDS, MOST_WORDS = 1_500, 3_000


def chapter(number: int):
    return get_course().chapters[number - 1]


def prose(number: int, language: str) -> str:
    (folder,) = CONTENT.glob(f"0{number}-*")
    return (folder / f"{language}.md").read_text()


@pytest.mark.parametrize(("number", "bullet", "section"), STUDIED)
def test_what_the_guide_has_one_study_has_a_section(number, bullet, section):
    assert section in [anchor for anchor, _ in chapter(number).sections("pt-br")], bullet


@pytest.mark.parametrize(("number", "commands"), TYPED)
@pytest.mark.parametrize("language", LANGUAGES)
def test_what_the_guide_has_one_type_stands_in_its_chapter(number, commands, language):
    text = prose(number, language)
    assert [each for each in commands if each not in text] == []


@pytest.mark.parametrize("number", range(1, 7))
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_chapters_theory_is_neither_short_nor_long(number, language):
    assert FEWEST_WORDS <= len(prose(number, language).split()) <= MOST_WORDS


def test_a_chapters_quiz_has_eight_questions_and_several_from_the_students_own_cluster():
    for each in get_course().chapters:
        live = [question for question in each.quiz.questions if question.live]
        assert len(each.quiz.questions) >= 8 and len(live) >= 2, each.slug
